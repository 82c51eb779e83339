# SPDX-License-Identifier: Apache-2.0
"""The dashboards as they are shipped, and what Grafana makes of the variables in them."""

import json
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "packaging" / "grafana"
NAMES = ("fleet", "node", "workload")
# Variables that Grafana itself has.
BUILT_IN = ("__rate_interval", "__interval", "__range", "__url_time_range", "__all")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")


def load(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def panels(dashboard):
    """All, those in rows that are closed too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def targets(dashboard):
    """[(title of the panel, target)]"""
    return [(panel["title"], target) for panel in panels(dashboard)
            for target in panel.get("targets", ())]


def variables(dashboard):
    return {one["name"]: one for one in dashboard["templating"]["list"]}


def used_variables(text):
    return {braced or plain for braced, plain in _VARIABLE.findall(text)}


def label_values(query):
    """(selector, label) of a query of a variable."""
    match = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    if not match:
        raise AssertionError(f"not a query of label values: {query}")
    return match[1], match[2]


def _escaped(value):
    """As Grafana does for a variable that may have several values."""
    return re.sub(r"[\\^$*+?.()|\[\]{}]", lambda match: "\\\\" + match[0], value)


def interpolated(variable, values):
    """What stands for a variable in an expression. `values` is None for "All", or else what is
    chosen. `options` of the variable are all there are."""
    if values is None:
        if variable.get("allValue"):
            return variable["allValue"]
        values = variable["options"]
    if not (variable["multi"] or variable["includeAll"]):
        value, = values
        return value.replace("\\", "\\\\").replace('"', '\\"')
    escaped = [_escaped(value) for value in values]
    return escaped[0] if len(escaped) == 1 else "(" + "|".join(escaped) + ")"


def substituted(text, values):
    """`text` with the variables' values in it."""
    def value(match):
        name = match[1] or match[2]
        if name not in values:
            raise AssertionError(f"${name} is not known in {text}")
        return values[name]
    return _VARIABLE.sub(value, text)
