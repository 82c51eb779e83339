#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The rules in a real Prometheus, that scrapes the real daemon, that watches real pods: who is
throttled gets the alert that says why, and who is calm gets none. Only the times are shorter.

usage: real_test.py THROTTLELENS TL_LOAD [unittest arguments]
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_TESTS = os.path.dirname(os.path.dirname(_HERE))
sys.path[:0] = [_HERE, os.path.join(_TESTS, "e2e", "lib"), os.path.join(_TESTS, "support", "testbed")]

# pylint: disable=wrong-import-position
import cleanup
import proc
from deadline import until, until_agreed
from pods import WithPods, own
from prometheus import Prometheus
from rule_files import faster_files
from scenario import MOST, main
from testbed import Existing

PATIENCE = 90   # about 20 s, where nobody else works


class Real(WithPods):
    """Scenes one after the other: while hogs have the CPUs, quotas do not run out."""

    @classmethod
    def before_start(cls):
        super().before_start()
        # So that loads have the CPUs to be throttled, whoever else is here.
        Existing(cls.hierarchies, cls.bed.root_cgroup).weigh(MOST)
        cls.stay_ahead()

    @classmethod
    def prepare(cls):
        cls.prometheus = Prometheus(cls.daemon.address, {"cluster": "test", "node": "here"},
                                    faster_files(cleanup.folder()), cls.prefix)
        bursts = ["tl_load", "--threads", "4", "--busy", "200ms", "--idle", "2s", "--duration", "0"]
        hog = ["tl_load", "--threads", "2", "--duration", "0"]
        calm = ["tl_load", "--busy", "5ms", "--idle", "95ms", "--duration", "0"]
        cls.pods = {}
        cls.add("bursts-6d4cf56db6-x2k4d", bursts, request=0.5, limit=0.5)
        cls.add("hog-0", hog, request=0.1, limit=0.2)
        cls.add("calm-29012345-5gk7z", calm, request=50, limit=60)
        cls.add("alone-0", hog, alone=True, request=0.1, limit=0.2)
        inner = cls.add("inner-zx8qw", hog, request=0.1)
        inner.pod.kernel.limit(20_000)

    @classmethod
    def add(cls, name, command, alone=False, **resources):
        """With a neighbour that has no limit, so that the pod has none; alone, it has the same."""
        pod = cls.bed.run_pod(own("rules"), name)
        if not alone:
            pod.add("side", ["sleep", "1000000"])  # first: beside a hog it would take long to start
        app = pod.add("app", command, **resources)
        cls.pods[name] = app
        return app

    def alerts(self):
        """{(alert, pod)} that fire for pods of ours, and {(alert, None)} of the node."""
        found = {}
        for alert in self.prometheus.get("alerts")["alerts"]:
            labels = alert["labels"]
            others = "container" in labels and labels.get("namespace") != own("rules")
            if alert["state"] == "firing" and not others:
                found[labels["alertname"].removeprefix("Throttlelens"), labels.get("pod")] = alert
        return found

    def fires(self, *expected):
        """Until all of these do; who is calm has none meanwhile."""
        def all_fire():
            now = self.alerts()
            for name, pod in now:
                if pod and pod.startswith("calm"):
                    raise RuntimeError(f"{name} for {pod}: {now[name, pod]['annotations']}")
            return set(expected) <= now.keys() and now
        return until(all_fire, lambda: f"{expected}: firing are {sorted(self.alerts(), key=str)}", PATIENCE)

    def assert_says(self, alert, pod, app, *patterns):
        """For the right container, with numbers in each sentence and nothing a template left."""
        self.assertEqual({name: alert["labels"].get(name) for name in (
            "cluster", "node", "job", "instance", "namespace", "pod", "container")},
            {"cluster": "test", "node": "here", "job": "throttlelens",
             "instance": self.daemon.address, "namespace": own("rules"), "pod": pod,
             "container": app.name})
        text = alert["annotations"]
        print(f"\n  {text['summary']}\n    {text['description']}", end="", flush=True)
        self.assertIn(f"{own('rules')}/{pod}/{app.name}", text["summary"])
        for said in text.values():
            self.assertNotRegex(said, r"no value|error|\{\{|%!|  | ,|used CPUs")
        for pattern in patterns:
            self.assertRegex(text["description"], pattern)

    def test_alerts(self):
        bursts, hog, alone, inner = (name for name in self.pods if not name.startswith("calm"))
        now = self.fires(("HiddenThrottling", bursts), ("SustainedThrottleWait", hog),
                         ("SustainedThrottleWait", alone), ("PodOrAncestorQuota", inner),
                         ("SustainedThrottleWait", inner))
        self.assert_says(now["HiddenThrottling", bursts], bursts, self.pods[bursts],
                         r"ran out of CPU quota in [1-9][\d.]*%", r"of its limit of 0\.50 CPUs",
                         r"busiest 100 ms .* [01]\.\d\d CPUs")
        self.assert_says(now["SustainedThrottleWait", hog], hog, self.pods[hog],
                         r"waited [5-9][\d.]*% for quota: [0-2]\.\d threads",
                         r"used 0\.[0-2]\d CPUs of its limit of 0\.20 CPUs")
        self.assert_says(now["PodOrAncestorQuota", inner], inner, self.pods[inner],
                         r"throttled for [2-9][\d.]*% of", r"used 0\.[0-2]\d CPUs\.$")
        # Neither an average that is at its limit is hidden, nor a quota of its own its pod's.
        for name in (("HiddenThrottling", hog), ("HiddenThrottling", inner),
                     ("PodOrAncestorQuota", hog), ("PodOrAncestorQuota", alone),
                     ("PodOrAncestorQuota", bursts)):
            self.assertNotIn(name, now)
        self.recorded()
        self.crowded()
        at_rest = {name for name, pod in self.alerts() if pod is None}
        self.assertLessEqual(at_rest, {"OverheadHigh", "Losing", "Incomplete"})

    def recorded(self):
        """What the rules keep is what the series they are made of say."""
        names = {"bursts-6d4cf56db6-x2k4d": "bursts", "hog-0": "hog", "calm-29012345-5gk7z": "calm",
                 "alone-0": "alone", "inner-zx8qw": "inner"}
        ours = f'{{namespace="{own("rules")}"}}'
        found = {labels["workload"] for labels, _ in
                 self.prometheus.series("namespace_workload:throttlelens_container_info:count" + ours)}
        self.assertEqual(found, set(names.values()))

        def limits():
            rows = self.prometheus.series("namespace_workload:throttlelens_container_cpu_limit_cores:sum" + ours)
            self.assertEqual({labels["workload"]: round(value, 6) for labels, value in rows},
                             {"bursts": 0.5, "hog": 0.2, "alone": 0.2, "calm": 60})
            self.assertEqual({labels["cluster"] for labels, _ in rows}, {"test"})
        until_agreed(limits)

        def use():
            name = "throttlelens_container_cpu_usage_seconds"
            rule = self.prometheus.series(f"namespace:{name}:rate5m{ours}")[0][1]
            raw = self.prometheus.number(f"sum(rate({name}_total{ours}[10s]))")
            self.assertAlmostEqual(rule, raw, delta=0.1 * raw)
            self.assertGreater(rule, 0.2)
        until_agreed(use)

        def node():
            name = "instance:throttlelens_node_"
            self.assertEqual(self.prometheus.number(name + "online_cpus:max"), proc.online_cpus())
            ratio = self.prometheus.number(name + "overhead_cpu:ratio_rate5m")
            self.assertTrue(0 < ratio < 1, ratio)
        until_agreed(node)

    def crowded(self):
        """A container gets little of its request, because others are given all they want."""
        for app in self.pods.values():
            if not app.pod.name.startswith("calm"):
                app.stop()
        meek = self.add("meek-0", ["tl_load", "--duration", "0"], request=1.5)
        # One thread a CPU: they wait for nobody.
        self.add("greedy-0", ["tl_load", "--threads", str(proc.online_cpus()), "--pin",
                              ",".join(map(str, sorted(os.sched_getaffinity(0)))), "--duration", "0"],
                 request=100)
        now = self.fires(("CrowdedOut", "meek-0"))
        self.assert_says(now["CrowdedOut", "meek-0"], "meek-0", meek,
                         r"waited [2-9][\d.]*% for others", r"less than its request of 1\.50 CPUs",
                         r"had \d % of its CPUs idle")
        used = self.prometheus.number(
            f'rate(throttlelens_container_cpu_usage_seconds_total{{namespace="{own("rules")}",'
            'pod="greedy-0",container="app"}[10s])')
        if used > 0.8 * proc.online_cpus():  # unless others on this machine crowd it out in turn
            self.assertNotIn(("CrowdedOut", "greedy-0"), self.alerts())


if __name__ == "__main__":
    sys.exit(main(__doc__))
