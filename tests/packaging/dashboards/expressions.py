# SPDX-License-Identifier: Apache-2.0
"""Which metrics and labels an expression of PromQL speaks of: enough of the language for what the
dashboards have, and an error for what it does not know."""

import re

_FUNCTIONS = {
    "avg", "by", "clamp_min", "count", "group_left", "histogram_quantile", "increase", "and", "or",
    "unless", "on", "last_over_time", "max", "min", "rate", "sum", "topk", "vector"}
_STRING = r'"(?:\\.|[^"\\])*"'
_GROUPING = re.compile(r"\b(?:by|on|group_left)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_][\w:]*)\s*(?:\{((?:[^{}\"]|" + _STRING + r")*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*(" + _STRING + ")")


def parse(expression):
    """([(metric, {label: what it is compared with})], labels it is grouped or joined by)"""
    grouping = {label.strip() for group in _GROUPING.findall(expression)
                for label in group.split(",")}
    rest = _GROUPING.sub(" ", expression)
    rest = re.sub(r"\[[^\]]*\]", " ", rest)
    selectors = []
    for name, matchers in _SELECTOR.findall(rest):
        if name in _FUNCTIONS:
            continue
        left = _MATCHER.sub("", matchers).replace(",", "").strip()
        if left:
            raise AssertionError(f"cannot read {left!r} in {expression}")
        selectors.append((name, {label: text[1:-1] for label, text in _MATCHER.findall(matchers)}))
    return selectors, grouping
