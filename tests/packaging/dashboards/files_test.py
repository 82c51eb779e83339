#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The dashboards as files: every panel explains itself, nothing is named that does not exist, and
nothing is fixed that another installation has otherwise.

usage: files_test.py THROTTLELENS [unittest arguments]
"""

import copy
import json
import re
import subprocess
import sys
import unittest

import dashboards
import expressions

RECORDING = dashboards.FOLDER.parent / "prometheus" / "recording.rules.yaml"
# Labels that a scrape adds, or whoever gathers several Prometheuses. Not always there: cluster, node.
ADDED = {"cluster", "instance", "job", "node"}
# What Prometheus itself has.
OF_PROMETHEUS = {
    "scrape_duration_seconds": set(),
    "ALERTS": {"alertname", "alertstate", "severity", "namespace", "workload", "pod", "container"}}
CORE_PANELS = {"row", "text", "stat", "timeseries", "table", "heatmap"}
_UNIT = re.compile(r"percentunit|s|bytes|short|cps|none|suffix: (CPU|threads)")
_LEGEND_LABEL = re.compile(r"\{\{(\w+)\}\}")


def known_metrics(program):
    """{metric: its labels}, of the catalogue, of recording rules, and of Prometheus."""
    known = {name: labels | ADDED for name, labels in OF_PROMETHEUS.items()}
    catalogue = json.loads(subprocess.run([program, "metrics", "-o", "json"], check=True, timeout=60,
                                          capture_output=True).stdout)
    for metric in catalogue["metrics"]:
        labels = set(metric["labels"]) | ADDED
        if metric["type"] == "histogram":
            known[metric["name"] + "_bucket"] = labels | {"le"}
            known[metric["name"] + "_sum"] = known[metric["name"] + "_count"] = labels
        else:
            known[metric["name"]] = labels
    for name in re.findall(r"- record: (\S+)", RECORDING.read_text(encoding="utf-8")):
        # level:metric:operation, and the level is its labels
        known[name] = set(name.split(":")[0].split("_")) | {"cluster"}
    return known


class Judge:
    """Collects what is wrong with one dashboard."""

    def __init__(self, dashboard, known):
        self.dashboard, self.known = dashboard, known
        self.found = []
        self.names = {name for name in dashboards.variables(dashboard)} | set(dashboards.BUILT_IN)

    def say(self, where, what):
        self.found.append(f"{where}: {what}")

    def problems(self):
        self._whole()
        for panel in dashboards.panels(self.dashboard):
            self._panel(panel)
        self._places([p for p in self.dashboard["panels"]])
        for name in self._variables_in(json.dumps(self.dashboard)) - self.names:
            self.say("dashboard", f"no variable is called {name}")
        return self.found

    @staticmethod
    def _variables_in(text):
        return {name for name in dashboards.used_variables(text)
                if not name.isdigit()} - {"__data"} - {"__rate_interval"}

    def _whole(self):
        panels = list(dashboards.panels(self.dashboard))
        for what, values in {"id": [panel["id"] for panel in panels],
                             "title": [panel["title"] for panel in panels]}.items():
            for value in {value for value in values if values.count(value) > 1}:
                self.say("dashboard", f"{what} {value!r} comes more than once")
        expected = {"timezone": "browser", "graphTooltip": 1, "schemaVersion": 39, "editable": True}
        for key, value in expected.items():
            if self.dashboard.get(key) != value:
                self.say("dashboard", f"{key} is {self.dashboard.get(key)!r}, not {value!r}")
        if "throttlelens" not in self.dashboard["tags"]:
            self.say("dashboard", "no tag")
        if not re.fullmatch(r"throttlelens-[a-z]+", self.dashboard.get("uid") or ""):
            self.say("dashboard", "no uid of its own")
        if "id" in self.dashboard or "__inputs" in self.dashboard:
            self.say("dashboard", "is an export of one installation")
        for variable in self.dashboard["templating"]["list"]:
            self._variable(variable)

    def _variable(self, variable):
        name = variable["name"]
        if variable["type"] == "datasource":
            if variable["query"] != "prometheus":
                self.say(name, "not of Prometheus")
            return
        self._datasource(name, variable)
        selector, label = dashboards.asked(variable)
        self._expression(name, selector, {label})
        if variable["definition"] != variable["query"]["query"]:
            self.say(name, "definition is not the query")

    def _datasource(self, where, of):
        if of.get("datasource") != {"type": "prometheus", "uid": "${datasource}"}:
            self.say(where, "datasource is not the variable")

    def _panel(self, panel):
        title = panel["title"]
        if not title:
            self.say(panel["id"], "no title")
        if panel["type"] not in CORE_PANELS:
            self.say(title, f"{panel['type']} is no panel of Grafana's core that we know")
        if panel["type"] in ("row", "text"):
            return
        self._datasource(title, panel)
        if len(panel.get("description", "")) < 15:
            self.say(title, "no description")
        units = [panel["fieldConfig"]["defaults"].get("unit")]
        units += [p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"]
                  if p["id"] == "unit"]
        for unit in units:
            if not _UNIT.fullmatch(unit or ""):
                self.say(title, f"unit {unit}")
        if not panel["targets"]:
            self.say(title, "shows nothing")
        refs = [target["refId"] for target in panel["targets"]]
        if len(set(refs)) != len(refs):
            self.say(title, "two queries of one name")
        for target in panel["targets"]:
            self._datasource(title, target)
            shown = set(_LEGEND_LABEL.findall(target.get("legendFormat", "")))
            self._expression(title, target["expr"], shown)
        if panel["type"] == "table":
            self._table(panel)

    def _table(self, panel):
        """What is overridden or linked is a column, and there is a name for each value."""
        organize, = (t["options"] for t in panel["transformations"] if t["id"] == "organize")
        columns = set(organize["renameByName"].values()) | set(organize["indexByName"])
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] not in columns:
                self.say(panel["title"], f"no column is called {override['matcher']['options']}")
        values = {f"Value #{target['refId']}" for target in panel["targets"]}
        if len(values) == 1:
            values = {"Value"}
        if set(organize["renameByName"]) != values:
            self.say(panel["title"], "values without a name")
        for label in re.findall(r"__data\.fields\.(\w+)", json.dumps(panel)):
            if label not in organize["indexByName"]:
                self.say(panel["title"], f"links to {label}, which it does not show")

    def _expression(self, where, expression, shown):
        try:
            selectors, grouping = expressions.parse(expression)
        except AssertionError as error:
            self.say(where, str(error))
            return
        possible = set()
        for metric, matchers in selectors:
            labels = self.known.get(metric)
            if labels is None:
                self.say(where, f"{metric} does not exist")
                continue
            possible |= labels
            for label in matchers.keys() - labels:
                self.say(where, f"{metric} has no label {label}")
            for label in matchers.keys() & ADDED:
                if "$" not in matchers[label]:
                    self.say(where, f"{label} is fixed to {matchers[label]}")
            if "cluster" not in matchers and metric != "throttlelens_probe_info":
                self.say(where, f"{metric} of all clusters")
        for label in (grouping | shown) - possible:
            self.say(where, f"no metric has the label {label}")

    def _places(self, panels):
        taken = {}
        for panel in panels:
            grid = panel["gridPos"]
            if grid["x"] + grid["w"] > 24 or min(grid["w"], grid["h"]) < 1:
                self.say(panel["title"], "is not on the grid")
            for cell in ((x, y) for x in range(grid["x"], grid["x"] + grid["w"])
                         for y in range(grid["y"], grid["y"] + grid["h"])):
                if cell in taken:
                    self.say(panel["title"], f"covers {taken[cell]}")
                    break
                taken[cell] = panel["title"]


class Files(unittest.TestCase):
    known = {}

    def test_nothing_is_wrong(self):
        for name in dashboards.NAMES:
            with self.subTest(name):
                self.assertEqual(Judge(dashboards.load(name), self.known).problems(), [])

    def test_made_from_the_source(self):
        done = subprocess.run([dashboards.FOLDER / "generate.py", "--check"], check=False, text=True,
                              capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_they_lead_to_each_other(self):
        uids = {dashboards.load(name)["uid"] for name in dashboards.NAMES}
        self.assertEqual(len(uids), len(dashboards.NAMES))
        for name in dashboards.NAMES:
            one = dashboards.load(name)
            own = {re.match(r"/d/([\w-]+)\?", link["url"])[1] for link in one["links"]}
            self.assertEqual(own, uids - {one["uid"]}, name)
            text = json.dumps(one["panels"])
            for uid, parameters in re.findall(r'"/d/([\w-]+)\?([^"]*)"', text):
                self.assertIn(uid, uids)
                target = next(d for d in map(dashboards.load, dashboards.NAMES) if d["uid"] == uid)
                for variable in re.findall(r"var-(\w+)=", parameters):
                    self.assertIn(variable, dashboards.variables(target), uid)

    def test_all_metrics_of_containers_are_shown(self):
        """A new one gets its place, or is named here."""
        left_out = {"throttlelens_container_cpu_utilization_cores",  # the peaks tell more
                    "throttlelens_container_cpu_cfs_burst_periods_total",  # the seconds do
                    "throttlelens_node_cpu_utilization_cores"}  # the counter of the root cgroup does
        shown = {metric for name in dashboards.NAMES
                 for _, target in dashboards.targets(dashboards.load(name))
                 for metric, _ in expressions.parse(target["expr"])[0]}
        shown = {re.sub(r"_(bucket|sum|count)$", "", metric) for metric in shown}
        of_containers = {re.sub(r"_(bucket|sum|count)$", "", metric) for metric in self.known
                         if metric.startswith(("throttlelens_container_", "throttlelens_pod_",
                                               "throttlelens_node_"))}
        self.assertEqual(of_containers - shown, left_out)


class Violations(unittest.TestCase):
    """Whatever is wrong is found."""

    known = {}

    def check(self, change, expected):
        dashboard = copy.deepcopy(dashboards.load("node"))
        change(dashboard)
        found = "\n".join(Judge(dashboard, self.known).problems())
        self.assertRegex(found, expected)

    @staticmethod
    def of(dashboard, kind):
        return next(panel for panel in dashboard["panels"] if panel["type"] == kind)

    def change_expression(self, old, new, expected):
        def change(dashboard):
            text = json.dumps(dashboard)
            self.assertIn(old, text)
            dashboard.clear()
            dashboard.update(json.loads(text.replace(old, new)))
        self.check(change, expected)

    def test_expressions(self):
        for old, new, expected in (
                ("cgroup_cpu_lost_seconds_total", "cgroup_cpu_loss_total", "does not exist"),
                ("{{window}}", "{{windows}}", "no metric has the label windows"),
                ("by (service)", "by (services)", "no metric has the label services"),
                (', cgroup=', ', path=', "has no label path"),
                ('instance=\\"$instance\\"', 'instance=\\"a:1\\"', "instance is fixed to a:1"),
                ('instance=\\"$instance\\"', 'job=\\"throttlelens\\"', "job is fixed"),
                ('cluster=~\\"$cluster\\", ', "", "of all clusters"),
                ("$instance", "$node", "no variable is called node"),
                ("$__range]", "$__ranges]", "no variable is called __ranges")):
            with self.subTest(new):
                self.change_expression(old, new, expected)

    def test_panels(self):
        for kind, change, expected in (
                ("stat", lambda p: p.update(title=""), "no title"),
                ("stat", lambda p: p.update(description=""), "no description"),
                ("stat", lambda p: p.update(id=1), "id 1 comes more than once"),
                ("stat", lambda p: p.update(title="Idle"), "title 'Idle' comes more"),
                ("stat", lambda p: p["fieldConfig"]["defaults"].pop("unit"), "unit None"),
                ("stat", lambda p: p.update(datasource="Prometheus"), "datasource is not"),
                ("stat", lambda p: p["targets"][0].update(datasource=None), "datasource is not"),
                ("stat", lambda p: p["gridPos"].update(x=1), "covers"),
                ("stat", lambda p: p["gridPos"].update(x=22), "not on the grid"),
                ("stat", lambda p: p.update(type="someone-gauge-panel"), "Grafana's core"),
                ("stat", lambda p: p.update(targets=[]), "shows nothing"),
                ("table", lambda p: p["targets"][1].update(refId="A"), "two queries of one name"),
                ("table", lambda p: p["targets"].pop(), "values without a name"),
                ("table", lambda p: p["fieldConfig"]["overrides"][0]["matcher"].update(
                    options="x"), "no column is called x")):
            with self.subTest(expected):
                self.check(lambda d, k=kind, c=change: c(self.of(d, k)), expected)

    def test_dashboards(self):
        for change, expected in (
                (lambda d: d.update(timezone="utc"), "timezone"), (lambda d: d.update(tags=[]), "no tag"),
                (lambda d: d.update(uid=None), "no uid"), (lambda d: d.update(id=7), "an export"),
                (lambda d: d.update(graphTooltip=0), "graphTooltip")):
            with self.subTest(expected):
                self.check(change, expected)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    Files.known = Violations.known = known_metrics(sys.argv.pop(1))
    unittest.main(verbosity=2)
