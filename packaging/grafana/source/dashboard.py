# SPDX-License-Identifier: Apache-2.0
"""What makes panels a dashboard: variables, links, and a place for each panel."""

from panels import DATASOURCE

TAG = "throttlelens"
UIDS = {"Fleet": "throttlelens-fleet", "Node": "throttlelens-node",
        "Workload": "throttlelens-workload"}
_WIDTH = 24


def datasource():
    return {"name": "datasource", "label": "Data source", "type": "datasource",
            "query": "prometheus", "regex": "", "hide": 0, "includeAll": False, "multi": False,
            "options": [], "refresh": 1, "skipUrlSync": False}


def variable(name, label, metric, several=False, every=False, all_value=None):
    """The values of the label `name` of a selector. `every`: "All" can be chosen, and is."""
    made = _of_query(name, label, 1, f"label_values({metric}, {name})", several, every)
    if every:
        every_one = (["All"], ["$__all"]) if several else ("All", "$__all")
        made["current"] = {"selected": True, **dict(zip(("text", "value"), every_one))}
    if all_value:
        made["allValue"] = all_value
    return made


def node(metric):
    """`instance`, which is always there, shown by the name of the node, where a scrape adds that."""
    made = _of_query("instance", "Node", 3, f"query_result({metric})")
    made["regex"] = '/instance="(?<value>[^"]+)"(?:.*,node="(?<text>[^"]+)")?/'
    return made


def _of_query(name, label, kind, query, several=False, every=False):
    return {"name": name, "label": label, "type": "query", "datasource": DATASOURCE,
            "definition": query, "query": {"qryType": kind, "query": query, "refId": name},
            "refresh": 2, "regex": "", "sort": 1, "hide": 0, "multi": several,
            "includeAll": every, "options": [], "skipUrlSync": False}


def cluster(metric):
    """A label that a single Prometheus does not have: then "All", which matches its absence."""
    return variable("cluster", "Cluster", metric, several=False, every=True, all_value=".*")


def link_to(name, *variables):
    """A URL with the data source, the time and the cluster of this dashboard; `variables` are
    (name, value) of the other's."""
    parts = ["${datasource:queryparam}", "${cluster:queryparam}", "${__url_time_range}",
             *(f"var-{name}={value}" for name, value in variables)]
    return f"/d/{UIDS[name]}?" + "&".join(parts)


def field(label):
    """The value of a label in the row of a table that was clicked."""
    return "${__data.fields." + label + "}"


def _links(own):
    return [{"title": name, "type": "link", "icon": "dashboard",
             "url": f"/d/{uid}?${{datasource:queryparam}}&${{cluster:queryparam}}", "keepTime": True,
             "includeVars": False, "asDropdown": False, "targetBlank": False, "tags": [], "tooltip": ""}
            for name, uid in UIDS.items() if name != own]


def _place(panels):
    """Each as high up as it fits, then as far to the left; a row begins below all before it."""
    bottoms = [0] * _WIDTH  # of each column
    for number, panel in enumerate(panels, 1):
        grid = panel["gridPos"]
        if panel["type"] == "row":
            bottoms = [max(bottoms)] * _WIDTH
        y, x = min((max(bottoms[x:x + grid["w"]]), x) for x in range(_WIDTH - grid["w"] + 1))
        grid.update(x=x, y=y)
        bottoms[x:x + grid["w"]] = [y + grid["h"]] * grid["w"]
        panel["id"] = number


def _select(panels, selector):
    for panel in panels:
        for target in panel.get("targets", ()):
            target["expr"] = target["expr"].replace("@", selector)


def dashboard(name, description, selector, variables, panels, span="now-1h"):
    _place(panels)
    _select(panels, selector)
    return {
        "uid": UIDS[name], "title": f"throttlelens / {name}", "description": description,
        "tags": [TAG], "schemaVersion": 39, "version": 1, "editable": True, "graphTooltip": 1,
        "refresh": "30s", "time": {"from": span, "to": "now"}, "timezone": "browser",
        "timepicker": {}, "weekStart": "", "fiscalYearStartMonth": 0, "liveNow": False,
        "annotations": {"list": []}, "links": _links(name),
        "templating": {"list": [datasource(), *variables]}, "panels": panels}
