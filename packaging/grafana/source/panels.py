# SPDX-License-Identifier: Apache-2.0
"""Grafana's panels, as plain functions: what all of them share is written once. Only panels of
Grafana's core; the JSON is that of Grafana 10 and 11.

In expressions "@" stands for the selector of the dashboard they are in."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Units. Grafana has none for CPUs; seconds a second are CPUs, and of waits, threads that wait.
CPUS, THREADS = "suffix: CPU", "suffix: threads"
SHARE, SECONDS, BYTES, COUNT, PER_SECOND, TEXT = "percentunit", "s", "bytes", "short", "cps", "none"

# (from this value on, colour); below the first it is green.
FINE = ()
SOME_THROTTLING = ((0.01, "yellow"), (0.10, "orange"), (0.25, "red"))  # alerts begin at 10 %
SOME_WAITING = ((0.1, "yellow"), (1, "red"))  # red: a thread always waits
ANY = ((1e-9, "red"),)
LITTLE_IDLE = "little idle"
COSTLY = ((0.02, "yellow"), (0.05, "red"))  # alerts begin at 5 % of a node


def _thresholds(steps):
    if steps == LITTLE_IDLE:
        base, steps = "red", ((0.05, "yellow"), (0.15, "green"))
    else:
        base = "green"
    return {"mode": "absolute", "steps": [
        {"color": base, "value": None},
        *({"color": color, "value": value} for value, color in steps)]}


def _refs():
    return (chr(ord("A") + i) for i in range(26))


def _target(ref, expr, legend=None, **more):
    return {"datasource": DATASOURCE, "editorMode": "code", "expr": expr, "refId": ref,
            **({"legendFormat": legend} if legend is not None else {}), **more}


def _panel(kind, title, description, size, unit, thresholds, queries, options, **defaults):
    return {"type": kind, "title": title, "description": description, "datasource": DATASOURCE,
            "gridPos": {"w": size[0], "h": size[1]}, "targets": queries, "options": options,
            "fieldConfig": {"defaults": {"unit": unit, "thresholds": _thresholds(thresholds),
                                         **defaults}, "overrides": []}}


def series(title, description, unit, queries, size=(12, 8), stacked=False, marks=None,
           thresholds=FINE):
    """A time series; `queries` is {legend: expression}. `marks` are legends drawn as dashed lines:
    what something is held against. With thresholds, they are shown as lines."""
    custom = {"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1,
              "fillOpacity": 60 if stacked else 8, "showPoints": "never", "spanNulls": False,
              "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
              "thresholdsStyle": {"mode": "dashed" if thresholds else "off"}}
    panel = _panel(
        "timeseries", title, description, size, unit, thresholds,
        [_target(ref, expr, legend, range=True)
         for ref, (legend, expr) in zip(_refs(), queries.items())],
        {"legend": {"calcs": ["mean", "max"], "displayMode": "table", "placement": "bottom",
                    "showLegend": True, "sortBy": "Mean", "sortDesc": True},
         "tooltip": {"mode": "multi", "sort": "desc"}},
        color={"mode": "palette-classic"}, custom=custom, min=0)
    for legend, color in (marks or {}).items():
        panel["fieldConfig"]["overrides"].append({
            "matcher": {"id": "byName", "options": legend},
            "properties": [
                {"id": "color", "value": {"mode": "fixed", "fixedColor": color}},
                {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}},
                {"id": "custom.lineWidth", "value": 2},
                {"id": "custom.fillOpacity", "value": 0}]})
    return panel


def colored(panel, colors):
    """With fixed colours of some legends."""
    for legend, color in colors.items():
        panel["fieldConfig"]["overrides"].append({
            "matcher": {"id": "byName", "options": legend},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}]})
    return panel


def stat(title, description, unit, expr, size=(3, 4), thresholds=FINE, legend=None):
    """One number, as of now. With a legend, that text in place of the number."""
    return _panel(
        "stat", title, description, size, unit, thresholds,
        [_target("A", expr, legend, instant=True)],
        {"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
         "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
         "textMode": "name" if legend else "value", "wideLayout": True},
        color={"mode": "thresholds"}, noValue="–")


def heatmap(title, description, unit, expr, size=(12, 9)):
    """Of a histogram: `expr` gives its buckets by le."""
    return _panel(
        "heatmap", title, description, size, unit, FINE,
        [_target("A", expr, "{{le}}", format="heatmap", range=True)],
        {"calculate": False, "cellGap": 1, "cellValues": {"unit": COUNT},
         "color": {"mode": "scheme", "scheme": "Oranges", "fill": "dark-orange",
                   "scale": "exponential", "exponent": 0.5, "reverse": False, "steps": 64},
         "exemplars": {"color": "rgba(255,0,255,0.7)"}, "filterValues": {"le": 1e-9},
         "legend": {"show": True}, "rowsFrame": {"layout": "auto"},
         "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": False},
         "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit}},
        custom={"scaleDistribution": {"type": "linear"}, "hideFrom": {
            "legend": False, "tooltip": False, "viz": False}})


def table(title, description, labels, columns, size=(24, 9), links=None, sort=None):
    """One row for each set of `labels`, in the order of the column `sort` or else the first.
    `columns` is {title: (unit, expression[, thresholds])}, `links` {label: URL}."""
    names = ["Value"] if len(columns) == 1 else [f"Value #{ref}" for ref, _ in
                                                 zip(_refs(), columns)]
    panel = _panel(
        "table", title, description, size, COUNT, FINE,
        [_target(ref, column[1], format="table", instant=True)
         for ref, column in zip(_refs(), columns.values())],
        {"cellHeight": "sm", "showHeader": True, "footer": {"show": False, "reducer": ["sum"],
                                                            "countRows": False},
         "sortBy": [{"displayName": sort or next(iter(columns)), "desc": True}]},
        custom={"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True,
                "inspect": False})
    order = [*labels, *names]
    panel["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {
            "excludeByName": {"Time": True},
            "indexByName": {name: i for i, name in enumerate(order)},
            "renameByName": dict(zip(names, columns))}}]
    overrides = panel["fieldConfig"]["overrides"]
    for name, (unit, _, *thresholds) in columns.items():
        properties = [{"id": "unit", "value": unit}]
        if thresholds:
            properties += [{"id": "thresholds", "value": _thresholds(thresholds[0])},
                           {"id": "custom.cellOptions", "value": {"type": "color-text"}}]
        overrides.append({"matcher": {"id": "byName", "options": name}, "properties": properties})
    for label, (text, url) in (links or {}).items():
        overrides.append({"matcher": {"id": "byName", "options": label}, "properties": [
            {"id": "links", "value": [{"title": text, "url": url}]}]})
    return panel


def text(title, content, size):
    return {"type": "text", "title": title, "description": "", "gridPos": {"w": size[0],
                                                                           "h": size[1]},
            "options": {"mode": "markdown", "content": content,
                        "code": {"language": "plaintext", "showLineNumbers": False,
                                 "showMiniMap": False}}}


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": [],
            "gridPos": {"w": 24, "h": 1}}
