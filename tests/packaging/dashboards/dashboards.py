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


def asked(variable):
    """(selector, label) of a variable: whose values it has."""
    query = variable["query"]["query"]
    match = re.fullmatch(r"label_values\((.+), (\w+)\)|query_result\((.+)\)", query)
    if not match:
        raise AssertionError(f"cannot read {query}")
    return match[1] or match[3], match[2] or variable["name"]


def options(variable, series):
    """{value: how it is shown}, of [labels] of the series that its selector has."""
    _, label = asked(variable)
    if not variable["regex"]:
        return {labels[label]: labels[label] for labels in series if label in labels}
    found = {}
    pattern = variable["regex"].strip("/").replace("(?<", "(?P<")
    for labels in series:
        # As Grafana writes a series before it looks for the regular expression.
        written = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())
                           if name != "__name__")
        match = re.search(pattern, f"{labels['__name__']}{{{written}}} 1 0")
        if match:
            found[match["value"]] = match["text"] or match["value"]
    return found


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
