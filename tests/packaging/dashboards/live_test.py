#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every expression of every panel and variable, as Grafana would ask it, on a real Prometheus with
the real rules, that scrapes real daemons, that watch real pods: all have data, and it makes sense.

usage: live_test.py THROTTLELENS TL_LOAD [unittest arguments]
"""

import concurrent.futures
import math
import os
import sys
import time

_HERE = os.path.dirname(os.path.abspath(__file__))
_TESTS = os.path.dirname(os.path.dirname(_HERE))
sys.path[:0] = [_HERE, os.path.join(_TESTS, "packaging", "rules"), os.path.join(_TESTS, "e2e", "lib"),
                os.path.join(_TESTS, "support", "testbed")]

# pylint: disable=wrong-import-position
import cleanup
import dashboards
import proc
from daemon import Daemon
from deadline import until
from overhead import Prober
from pods import WithPods, own
from prometheus import Prometheus
from rule_files import faster_files
from scenario import MOST, main, throttlelens
from testbed import Existing

PATIENCE = 100  # seconds; about 30 where nobody else works
# Grafana's own, for scrapes each second.
TIMES = {"__rate_interval": "10s", "__interval": "2s", "__range": "60s"}
SPAN = 20  # seconds that a graph shows
OTHER = "other"  # the cluster of a second node; the first has no such label

INSTEAD = " or vector(0)"

# Shown once something is gone, so tested by itself.
LATER = {("fleet", "Nodes that are gone")}
# Of what is used, so not bounded by it.
ABOVE_ONE = {"Overhead ÷ use", "Peak ÷ limit", "Peak 100 ms ÷ limit"}


class Answer:
    """What Prometheus says to one expression: series of values, of a range or of one time."""

    def __init__(self, prometheus, target, expr, at):
        self.ranged = bool(target.get("range"))
        if self.ranged:
            found = prometheus.get("query_range", query=expr, start=at - SPAN, end=at, step=1)
        else:
            found = prometheus.get("query", query=expr, time=at)
        if found["resultType"] not in ("vector", "matrix"):
            raise AssertionError(f"{expr} gives a {found['resultType']}")
        self.series = [(row["metric"], [(float(when), float(value)) for when, value in
                                        row.get("values") or [row["value"]]])
                       for row in found["result"]]

    def values(self):
        return [value for _, series in self.series for _, value in series]

    def has_data(self):
        """Of a quantile there may be none for moments; of nothing there is an infinity."""
        values = self.values()
        if any(map(math.isinf, values)):
            raise AssertionError(f"infinite: {self.series}")
        return any(map(math.isfinite, values))


class Live(WithPods):
    """Two nodes, that is, two daemons: one that counts, and one that only polls."""

    @classmethod
    def before_start(cls):
        super().before_start()
        Existing(cls.hierarchies, cls.bed.root_cgroup).weigh(MOST)
        cls.stay_ahead()

    @classmethod
    def prepare(cls):
        cls.poller = Daemon(throttlelens(), 'probe: {mode: cpustat}\ncgroup: {include: ["/"]}\n',
                            cls.prefix)
        cls.prometheus = Prometheus(cls.daemon.address, {}, faster_files(cleanup.folder()), cls.prefix,
                                    [(cls.poller.address, {"cluster": OTHER, "node": "poller"})])
        cls.make_pods()
        cls.boards = {name: dashboards.load(name) for name in dashboards.NAMES}
        cls.values = {}  # of the variables, by dashboard
        cls.chosen = {"instance": [cls.daemon.address], "namespace": [own("shop")]}
        cls.answers = cls.ask_all()

    @classmethod
    def make_pods(cls):
        forever = ("--duration", "0")
        # Wakes four threads that together want more than a period's quota.
        cls.web = cls.add("web-6d4cf56db6-x2k4d", "--threads", "4", "--busy", "150ms", "--idle", "350ms",
                          *forever, request=0.2, limit=0.2)
        cls.add("bursts-0", "--threads", "2", "--busy", "200ms", "--idle", "2s", *forever,
                request=0.5, limit=0.5)
        cls.add("saver-0", "--threads", "2", "--busy", "20ms", "--idle", "300ms", *forever,
                request=0.3, limit=0.3, burst_us=25_000)
        # Two of them, for whom there are not CPUs enough.
        for i in range(2):
            cls.add(f"batch-{i}", "--threads", "2", "--busy", "700ms", "--idle", "200ms", *forever,
                    request=0.1)
        pool = concurrent.futures.ThreadPoolExecutor(1)
        prober = Prober(pool, cls.web)
        cleanup.at_end(prober.finish)
        # Named as a container is, but no runtime knows it.
        unknown = cls.top.child("kubepods").child(f"pod{os.urandom(8).hex()}").child(os.urandom(32).hex())
        cls.load(unknown, "--busy", "1ms", "--idle", "99ms", *forever)

    @classmethod
    def add(cls, name, *load, **resources):
        return cls.bed.run_pod(own("shop"), name).add("app", ["tl_load", *load], **resources)

    @classmethod
    def resolve(cls, board, chosen):
        """Values for all variables of a dashboard, each found by its own query as Grafana would; and
        of which there is none, or not what is chosen."""
        values, missing = dict(TIMES, datasource="prometheus"), []
        for name, variable in dashboards.variables(board).items():
            if variable["type"] != "query":
                continue
            selector = dashboards.substituted(dashboards.asked(variable)[0], values)
            series = cls.prometheus.get("series", **{"match[]": selector})
            options = list(dashboards.options(variable, series))
            picked = chosen.get(name) or (None if variable["includeAll"] else options[:1])
            if not options or not set(picked or ()) <= set(options):
                missing.append(name)
                options = options or [f"no {name}"]
                picked = picked or options[:1]
            values[name] = dashboards.interpolated(dict(variable, options=options), picked)
        return values, missing

    @classmethod
    def ask_all(cls):
        """Until all have data; who has it is not asked again. What is still without is found by the
        tests."""
        waiting = {(name, number) for name, board in cls.boards.items()
                   for number, (title, _) in enumerate(dashboards.targets(board))
                   if (name, title) not in LATER}
        answers, began, last = {}, time.monotonic(), set()
        cls.prometheus.wait_for_scrape()
        while True:
            at = time.time()
            for name, board in cls.boards.items():
                cls.values[name], _ = cls.resolve(board, cls.chosen)
                for number, (_, target) in enumerate(dashboards.targets(board)):
                    if (name, number) in waiting:
                        # What stands in for nothing is no data.
                        expr = dashboards.substituted(target["expr"].replace(INSTEAD, ""),
                                                      cls.values[name])
                        answers[name, number] = Answer(cls.prometheus, target, expr, at)
                        if answers[name, number].has_data():
                            waiting.remove((name, number))
            if not waiting or time.monotonic() > began + PATIENCE:
                print(f"note: {len(answers)} queries after {time.monotonic() - began:.0f} s; last came",
                      ", ".join(sorted({dashboards.targets(cls.boards[name])[number][0]
                                        for name, number in last})))
                return answers
            last = set(waiting)
            time.sleep(0.5)

    def panel(self, name, title, chosen=None):
        """[what is said to each of its queries], now."""
        values, missing = self.resolve(self.boards[name], chosen or self.chosen)
        self.assertEqual(missing, [])
        at = time.time()
        answers = [Answer(self.prometheus, target, dashboards.substituted(target["expr"], values), at)
                   for of, target in dashboards.targets(self.boards[name]) if of == title]
        self.assertTrue(answers, f"no panel {title}")
        return answers

    def number(self, name, title, chosen=None):
        answer, = self.panel(name, title, chosen)
        value, = answer.values()
        return value

    def test_all_variables_have_values(self):
        for name, board in self.boards.items():
            self.assertEqual(self.resolve(board, self.chosen)[1], [], name)

    def test_all_panels_have_data(self):
        for (name, number), answer in self.answers.items():
            title, target = dashboards.targets(self.boards[name])[number]
            with self.subTest(f"{name}: {title} {target['refId']}"):
                self.assertTrue(answer.has_data(), dashboards.substituted(target["expr"],
                                                                          self.values[name]))

    def test_shares_are_shares(self):
        compared = 0
        for name, board in self.boards.items():
            numbers = iter(range(10_000))
            for panel in dashboards.panels(board):
                units = self.units(panel)
                for target in panel.get("targets", ()):
                    answer = self.answers.get((name, next(numbers)))
                    title, unit = units[target["refId"]]
                    if unit != "percentunit" or title in ABOVE_ONE or not answer:
                        continue
                    compared += 1
                    for value in filter(math.isfinite, answer.values()):
                        self.assertTrue(-1e-9 <= value <= 1.02, f"{name}: {title}: {value}")
        self.assertGreater(compared, 15)

    def test_rows_of_tables_join(self):
        """Nothing but the labels that are columns: any other, a metric's name too, makes a row of its
        own. And what a row is has no two values."""
        compared = 0
        for name, board in self.boards.items():
            numbers = iter(range(10_000))
            for panel in dashboards.panels(board):
                for target in panel.get("targets", ()):
                    answer = self.answers.get((name, next(numbers)))
                    if panel["type"] != "table" or not answer:
                        continue
                    organize, = (t["options"] for t in panel["transformations"]
                                 if t["id"] == "organize")
                    rows = [tuple(sorted(labels.items())) for labels, _ in answer.series]
                    self.assertEqual(len(set(rows)), len(rows), panel["title"])
                    for labels, _ in answer.series:
                        self.assertLessEqual(labels.keys(), organize["indexByName"].keys(),
                                             f"{panel['title']} {target['refId']}")
                    compared += len(rows)
        self.assertGreater(compared, 60)

    @staticmethod
    def units(panel):
        """{name of a query: (what it is called, its unit)}; cells of a heat map count something."""
        default = panel["title"], panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
        if panel["type"] == "heatmap":
            default = panel["title"], "short"
        found = {target["refId"]: default for target in panel.get("targets", ())}
        for change in panel.get("transformations", ()):
            for value, title in change["options"].get("renameByName", {}).items():
                for override in panel["fieldConfig"]["overrides"]:
                    if override["matcher"]["options"] == title:
                        unit = [p["value"] for p in override["properties"] if p["id"] == "unit"]
                        if unit:
                            found[value[-1] if "#" in value else "A"] = title, unit[0]
        return found

    def test_time_adds_up_to_the_cpus(self):
        answers = self.panel("node", "Where the CPUs' time went")
        sums = {}
        for answer in answers:
            for _, series in answer.series:
                for when, value in series:
                    sums[when] = sums.get(when, 0) + value
        cpus = proc.online_cpus()
        self.assertEqual(self.number("node", "CPUs"), cpus)
        times = sorted(sums)[len(sums) // 2:]  # where all have begun
        self.assertGreater(len(times), 5)
        for when in times:
            self.assertAlmostEqual(sums[when], cpus, delta=0.05 * cpus)
        print(f"\nnote: {cpus} CPUs; the parts add up to {min(sums[when] for when in times):.4f} to "
              f"{max(sums[when] for when in times):.4f}")
        used = [value for _, series in answers[0].series for _, value in series]
        self.assertGreater(max(used), 0.1)

    def test_throttled_as_the_kernel_says(self):
        chosen = dict(self.chosen, workload=["web"])
        values, _ = self.resolve(self.boards["workload"], chosen)
        self.assertEqual(values["pod"], "web-6d4cf56db6-x2k4d")
        before = self.web.kernel.bandwidth()

        def much_later():
            now = self.web.kernel.bandwidth()
            periods = now["cfs_periods_total"] - before["cfs_periods_total"]
            return periods > 100 and (now["cfs_throttled_periods_total"]
                                      - before["cfs_throttled_periods_total"]) / periods
        kernel = until(much_later, "a hundred periods", 60)
        shown = self.number("workload", "Throttled", chosen)
        self.assertTrue(0.3 < shown < 1, shown)
        self.assertAlmostEqual(shown, kernel, delta=0.15)
        print(f"\nnote: throttled in {shown:.3f} of its periods; the kernel: {kernel:.3f}")
        self.assertGreater(self.number("workload", "Quota wait", chosen), 0.2)
        limit = self.number("workload", "Limit", chosen)
        self.assertAlmostEqual(limit, 0.2)
        self.assertGreater(self.number("workload", "Peak ÷ limit", chosen),
                           self.number("workload", "Use ÷ limit", chosen))

    def test_some_pods(self):
        """Those chosen of several, by the very names."""
        pods = ["bursts-0", "saver-0"]
        answer, = self.panel("workload", "CPU use by container", dict(self.chosen, pod=pods))
        self.assertEqual({labels["pod"] for labels, _ in answer.series}, set(pods))

    def test_who_is_worst(self):
        def workloads(title):
            first = self.panel("fleet", title)[0]
            return {labels["workload"]: series[-1][1] for labels, series in first.series
                    if labels.get("namespace") == own("shop")}
        hidden = workloads("Hidden throttling")
        self.assertIn("bursts", hidden)
        self.assertNotIn("batch", hidden)
        self.assertLessEqual({"web", "bursts"}, set(workloads("Waits for quota")))
        waiting = workloads("Waits for a CPU")
        self.assertEqual(max(waiting, key=waiting.get), "batch")
        self.assertIn("web", workloads("Costly pods"))  # as it is probed

    def test_two_clusters(self):
        self.assertEqual(self.number("fleet", "Profiled nodes"), 2)
        self.assertEqual(self.number("fleet", "Nodes that only poll"), 1)
        self.assertEqual(self.number("fleet", "Profiled nodes", {"cluster": [OTHER]}), 1)
        # Nodes have names where scrapes give them; all have addresses.
        nodes = {(labels.get("node"), labels["instance"])
                 for answer in self.panel("fleet", "All nodes") for labels, _ in answer.series}
        self.assertEqual(nodes, {(None, self.daemon.address), ("poller", self.poller.address)})
        variable = dashboards.variables(self.boards["node"])["instance"]
        series = self.prometheus.get("series", **{"match[]": "throttlelens_probe_info"})
        self.assertEqual(dashboards.options(variable, series),
                         {self.daemon.address: self.daemon.address, self.poller.address: "poller"})

    def test_z_who_is_gone(self):
        """Last, as there is one node less then."""
        gone, = self.panel("fleet", "Nodes that are gone")
        self.assertEqual(gone.series, [])
        self.assertEqual(self.poller.end(), 0)

        def shown():
            answer, = self.panel("fleet", "Nodes that are gone", {})
            return answer.series
        (labels, _), = until(shown, "a node that is gone")
        self.assertEqual((labels["cluster"], labels["node"], labels["instance"], labels["tier"]),
                         (OTHER, "poller", self.poller.address, "cpustat"))


if __name__ == "__main__":
    sys.exit(main(__doc__))
