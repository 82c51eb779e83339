#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real daemon beside real pods: what it says of containers held against the kernel's counters,
the answers of the runtime, and the loads' own records.

usage: containers_test.py THROTTLELENS TL_LOAD [unittest arguments]
"""

import json
import os
import re
import statistics
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "lib"),
                os.path.join(os.path.dirname(_HERE), "support", "testbed")]

# pylint: disable=wrong-import-position
import cleanup
import exposition
import hand_made_test
import memory
import proc
import waits_test
import worker
from daemon import Daemon
from deadline import until, until_agreed
from last import Last
from load import WINDOW_NS, Record
from needs import need
from pods import (CONTAINER, ENDED, POD, WithPods, container_row, own, plain_row, pod_row,
                  sandbox)
from prometheus import promtool_complaints
from scenario import (LENGTHS, SECOND, START_DOUBT, Scenario, Windows, catalogue,
                      is_about_containers, load_program, main)
from testbed import TestBed, need_test_bed
from watcher import Watcher
from worker import Worker


def loads():
    """Of ten pods: (QoS, {container: (options of what it asks for, its load)}). About 1.2 cores in
    all, no two alike."""
    def busy(milliseconds, idle, threads=1):
        return ["--busy", f"{milliseconds}ms", "--idle", f"{idle}ms", "--threads", str(threads)]
    hog = ["--threads", "2"]
    return [
        ("guaranteed", {"app": ({"limit": 0.05}, hog), "side": ({"limit": 0.2}, busy(3, 47))}),
        ("guaranteed", {"app": ({"limit": 0.08}, hog), "side": ({"limit": 0.1}, busy(5, 95))}),
        ("guaranteed", {"app": ({"limit": 0.2}, busy(32, 301)),
                        "side": ({"limit": 0.3}, busy(11, 189))}),
        ("burstable", {"app": ({"request": 0.1, "limit": 0.1}, busy(61, 290)),
                       "side": ({"request": 0.05}, busy(20, 313))}),
        ("burstable", {"app": ({"request": 0.2}, busy(61, 690)), "side": ({}, busy(1, 19))}),
        ("burstable", {"app": ({"limit": 0.06}, busy(20, 880, 4)),
                       "side": ({"request": 0.1}, busy(40, 960))}),
        ("burstable", {"app": ({"request": 0.15, "limit": 0.3}, busy(50, 450)),
                       "side": ({"limit": 0.05}, busy(9, 91))}),
        ("besteffort", {"app": ({}, busy(23, 477)), "side": ({}, busy(37, 663))}),
        ("besteffort", {"app": ({}, busy(80, 1920)), "side": ({}, busy(4, 76))}),
        ("besteffort", {"app": ({}, busy(29, 571)), "side": ({}, busy(2, 38))}),
    ]


class Pods(WithPods, Windows):
    """Ten pods with two containers each and a plain container beside them, from 11 s of known
    loads on edges of the longest window."""

    target_labels = {"namespace": "monitoring", "pod": "throttlelens-x7k2p"}

    # Every metric about containers must be here, so that a new one cannot go without a comparison.
    COMPARED = {
        CONTAINER + name: test for name, test in {
            "usage_seconds_total": "Pods.test_usage", "utilization_cores": "Pods.test_utilization",
            "window_peak_cores": "Pods.test_peaks", "limit_cores": "Pods.test_bandwidth",
            "window_limit_utilization_ratio": "Pods.test_histogram",
            "request_cores": "Pods.test_requests",
            "cfs_periods_total": "Pods.test_bandwidth",
            "cfs_throttled_periods_total": "Pods.test_bandwidth",
            "throttled_seconds_total": "Pods.test_bandwidth",
            "cfs_burst_periods_total": "Live.test_bursts",
            "burst_seconds_total": "Live.test_bursts",
            "wait_seconds_total": "PodWaits.test_waits",
            "wait_duration_seconds": "PodWaits.test_durations",
            "throttle_episode_seconds": "PodWaits.test_episodes",
            "throttled_while_idle_seconds_total": "PodWaits.test_restarted",
            "lost_seconds_total": "PodWaits.test_lost"}.items()
    } | {
        "throttlelens_container_info": "Pods.test_names",
        "throttlelens_pod_cpu_usage_seconds_total": "Pods.test_usage",
        "throttlelens_pod_cpu_limit_cores": "Pods.test_bandwidth",
        "throttlelens_containers": "Life.test_removed",
        ENDED: "Life.test_removed",
        "throttlelens_metadata_errors_total": "Hostile.test_errors",
    }

    @classmethod
    def prepare(cls):
        cls.watching = proc.mono()
        cls.asked = loads()

        def make(number):
            qos, containers = cls.asked[number]
            pod = cls.bed.run_pod(own("shop" if number % 2 else "batch"), f"web-{number}", qos=qos)
            for name, (options, _) in containers.items():
                before = proc.mono()
                container = pod.add(name, worker.COMMAND, **options)
                container.made = before, proc.mono()
            return pod
        cls.pods = cls.bed.each(make, range(len(cls.asked)))
        before = proc.mono()
        cls.plain = cls.bed.run_plain(own("lonely"), worker.COMMAND, limit=0.1)
        cls.plain.made = before, proc.mono()

        cls.rows = [(container_row(container), Worker(container), load)
                    for pod, (_, containers) in zip(cls.pods, cls.asked)
                    for container, (_, load) in zip(pod.containers, containers.values())]
        cls.rows.append((plain_row(cls.plain), Worker(cls.plain), ["--threads", "2"]))
        cls.pod_rows = list(map(pod_row, cls.pods))
        cls.settle([*(row for row, _, _ in cls.rows), *cls.pod_rows])
        length = LENGTHS["5s"] * WINDOW_NS
        start = ((proc.mono() + 2 * SECOND) // length + 1) * length
        for _, load, arguments in cls.rows:
            load.tell("--start-at", str(start), "--duration", "11s", *arguments)
        cls.scrapes = []
        # Up to the last whole window: who prints what it recorded uses CPU too.
        while proc.mono() < start + 11 * SECOND:
            before = proc.mono()
            cls.scrapes.append((before, cls.daemon.metrics_text(), proc.mono()))
        cls.records = [(row, load.finish()) for row, load, _ in cls.rows]
        cls.scrapes = [(before, after, exposition.parse(text, cls.below()))
                       for before, text, after in cls.scrapes if after < start + 11 * SECOND]
        for row, record in cls.records:
            record.beside_ns = int((row.cgroup.usage() + row.misplaced) * 1e9) - record.cpu_ns
        cls.missed = cls.missed_windows()

    @classmethod
    def settle(cls, rows):
        """Once all are started and at rest: what the kernel's counters misplaced until then."""
        before = None

        def at_rest():
            nonlocal before
            samples = cls.daemon.metrics(cls.below())
            now = [(row.value(samples, "usage_seconds_total"), row.cgroup.usage()) for row in rows]
            same, before = now == before, now
            return same and all(value is not None for value, _ in now)
        until(at_rest, "all containers at rest")
        for row, (value, kernel) in zip(rows, before):
            row.misplaced = value - kernel

    def limited(self):
        return [row for row, _ in self.records if row.cgroup.limit_cores() is not None]

    def test_all_metrics_are_compared(self):
        self.assertEqual({name for name in catalogue() if is_about_containers(name)},
                         set(self.COMPARED))
        for place in self.COMPARED.values():
            of_class, name = place.split(".")
            places = (sys.modules[__name__], hand_made_test, waits_test)
            found = [getattr(one, of_class) for one in places if hasattr(one, of_class)]
            self.assertTrue(callable(getattr(found[0], name)))

    def test_names(self):
        """container_info has what the runtime answers; nothing else has a row."""
        expected = {}
        levels = {pod.uid: level for pod, (level, _) in zip(self.pods, self.asked)}
        for one in self.bed.call("ListContainers").containers:
            status = self.bed.call("ContainerStatus", container_id=one.id, verbose=True)
            info = json.loads(status.info["info"])
            pod = self.bed.call("PodSandboxStatus", pod_sandbox_id=one.pod_sandbox_id).status
            labels = {"namespace": pod.metadata.namespace, "pod": pod.metadata.name,
                      "container": one.metadata.name, "uid": pod.metadata.uid,
                      "container_id": one.id, "image": info["config"]["image"]["image"],
                      "qos": levels[pod.metadata.uid], "runtime": "containerd"}
            self.assertIn(pod.metadata.uid, info["runtimeSpec"]["linux"]["cgroupsPath"])
            expected[labels["namespace"], labels["pod"], labels["container"]] = labels
        self.assertEqual(len(expected), 20)
        plain = {"container": self.plain.id, "container_id": self.plain.id, "runtime": "containerd"}
        expected[None, None, self.plain.id] = plain
        self.compare(lambda samples: self.assertEqual(self.infos(samples), expected))

    def test_nothing_is_shown_twice(self):
        samples = self.scraped()
        names = {(row.labels.get("namespace"), row.labels.get("pod"), row.labels["container"])
                 for row, _ in self.records}
        sandboxes = {pod.sandbox_id for pod in self.pods}
        self.assertEqual(len(sandboxes), 10)
        for (metric, labels) in samples:
            labels = dict(labels)
            if "container" in labels and (labels.get("namespace") or "").endswith(own("")):
                self.assertIn((labels["namespace"], labels["pod"], labels["container"]), names)
            self.assertFalse(sandboxes & set(labels.values()), (metric, labels))
        paths = {labels["cgroup"]
                 for labels, _ in samples.rows("throttlelens_cgroup_cpu_usage_seconds_total")}
        self.assertFalse({row.cgroup.path for row, _ in self.records} & paths)
        self.assertFalse({sandbox(pod).path for pod in self.pods} & paths)
        for path in (*(pod.cgroup for pod in self.pods), self.bed.root_cgroup + "/kubepods",
                     self.bed.root_cgroup + "/system.slice/containerd.service"):
            self.assertIn(path, paths)

    def test_usage(self):
        def check(samples):
            for row in rows:
                self.assert_usage(samples, row)
            for (row, _), container in zip(self.records, containers):
                self.assert_same_use(row.value(samples, "usage_seconds_total"),
                                     container.usage_seconds() + row.misplaced, row.name)
        rows = [*(row for row, _ in self.records), *self.pod_rows]
        containers = [container for pod in self.pods for container in pod.containers]
        self.compare(check)
        for row in rows:
            starts = 3 if row in self.pod_rows else 1
            self.assertLessEqual(abs(row.misplaced), starts * START_DOUBT, row.name)
        self.compare(self.assert_sum)
        for row, record in self.records:
            # Being started, calibrating and printing takes some.
            self.assertTrue(0 < record.beside_ns < 100_000_000, (row.name, record.beside_ns))

    def test_bandwidth(self):
        limited = self.limited()
        self.assertEqual(len(limited), 11)
        pods = self.pod_rows

        def check(samples):
            for row in limited:
                self.assert_limit(samples, row)
                self.assert_bandwidth(samples, row)
            for row, _ in self.records:
                if row not in limited:
                    asks = ("request_cores",) if row.value(
                        samples, "request_cores", source="shares") else ()
                    self.assert_no_limit(samples, row, asks)
            for row in pods:
                self.assertEqual(row.value(samples, "limit_cores"), row.cgroup.limit_cores())
        self.compare(check)
        limits = [row.cgroup.limit_cores() for row in pods]
        self.assertEqual([limits[i] for i in (0, 3, 7)], [0.25, None, None])
        # There was something to compare.
        for row in limited:
            if row.name.endswith(("web-0/app", "web-1/app", own("lonely"))):
                self.assertGreater(row.cgroup.bandwidth()["cfs_throttled_periods_total"], 0)

    def test_requests(self):
        def asked_for(container):
            spec = json.loads(self.bed.call("ContainerStatus", container_id=container.id,
                                            verbose=True).info["info"])["runtimeSpec"]
            shares = spec["linux"]["resources"]["cpu"]["shares"]
            if not self.hierarchies.v2:
                with open(f"{container.folder}/cpu.shares", encoding="utf-8") as file:
                    self.assertEqual(int(file.read()), shares)
            return shares / 1024 if shares > 2 else None

        def check(samples):
            for container in (c for pod in self.pods for c in pod.containers):
                row = container_row(container)
                self.assertEqual(row.value(samples, "request_cores", source="shares"),
                                 asked_for(container), row.name)
            self.assertEqual(plain_row(self.plain).value(samples, "request_cores", source="shares"),
                             1)
            one_each = [labels.items() for labels, _ in samples.rows(CONTAINER + "request_cores")]
            for row, _ in self.records:
                self.assertLessEqual(sum(row.labels.items() <= labels for labels in one_each), 1)
        self.compare(check)

    def test_utilization(self):
        self.assert_utilization(self.records, {"100ms": 200, "1s": 80, "5s": 20})

    def test_peaks(self):
        samples = self.stored()
        for row, record in self.records:
            self.assert_peaks(samples, row, record)

    def test_histogram(self):
        made = {container_row(c).name: c.made for pod in self.pods for c in pod.containers}
        made[plain_row(self.plain).name] = self.plain.made
        for row, record in self.records:
            if row in self.limited():
                self.assert_histogram(row, record, made[row.name])

    def test_prometheus_keeps_our_labels(self):
        """honor_labels: of what has a namespace or a pod of its own, and of what says that it has
        none."""
        row = container_row(self.pods[0].containers[0])
        self.prometheus.wait_for_scrape()

        def stored(row, metric=CONTAINER + "usage_seconds_total"):
            selector = ",".join(f'{k}="{v}"' for k, v in row.labels.items())
            (labels, _), = self.prometheus.series(f"{metric}{{{selector}}}")
            return {k: v for k, v in labels.items() if k not in ("__name__", "job", "instance")}
        self.assertEqual(stored(row), row.labels)
        lonely = plain_row(self.plain)
        self.assertEqual(stored(lonely), lonely.labels)
        # A target's labels do go to what has no such label.
        (labels, _), = self.prometheus.series("throttlelens_build_info")
        self.assertLessEqual(self.target_labels.items(), labels.items())
        self.assertEqual(self.prometheus.query('{__name__=~".+",exported_pod=~".+"}'), [])
        self.assertIn(f'usage_seconds_total{{namespace="",pod="",container="{self.plain.id}"}}',
                      self.daemon.metrics_text().decode())

    def test_clean(self):
        self.assertEqual(promtool_complaints(self.daemon.metrics_text()), "")
        self.prometheus.wait_for_scrape()
        target = self.prometheus.target()
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        ups = [value for _, value in self.prometheus.history("up[5m]")]
        self.assertEqual(set(ups), {1.0})
        self.assertGreater(len(ups), 10)

    def test_series_budget(self):
        samples = self.scraped()
        for row, _ in self.records:
            shown = [1 for _, labels in samples if set(row.labels.items()) <= labels]
            durations = [name for name in row.shown(samples)
                         if re.search("wait_duration|episode", name)]
            # container_info is one of them, and a request.
            calm, most = (40, 81) if row in self.limited() else (12, 22)
            self.assertLessEqual(len(shown), most, row.name)
            if not durations:
                self.assertLessEqual(len(shown), calm, row.name)


class Live(WithPods):
    """What an operator changes while a container runs."""

    @classmethod
    def prepare(cls):
        cls.pod = cls.bed.run_pod(own("live"), "web")
        cls.app = cls.pod.add("app", worker.COMMAND, request=0.1, limit=0.2)
        cls.side = cls.pod.add("side", ["sleep", "1000000"], request=0.1, limit=0.1)
        cls.worker = Worker(cls.app)

    def within_a_second(self, check):
        """The first answer to a question that was asked a second after the change."""
        changed = proc.mono()
        while True:
            before = proc.mono()
            samples = self.scraped()
            try:
                return check(samples)
            except AssertionError:
                if before > changed + SECOND:
                    raise

    def test_limit(self):
        rows = container_row(self.app), pod_row(self.pod)

        def check(samples):
            for row in rows:
                self.assertEqual(row.value(samples, "limit_cores"), row.cgroup.limit_cores())
        self.is_shown(*rows)
        for limit in (0.7, 0.05, 0.4, 0.2):
            self.app.update(limit=limit)
            self.assertEqual(self.app.kernel.limit_cores(), limit)
            self.within_a_second(check)

    def test_limit_removed(self):
        def throttled():
            self.worker.run("--threads", "2", "--duration", "500ms")
            return self.app.kernel.bandwidth()["cfs_throttled_periods_total"]
        until(throttled, "the kernel throttling it")
        rows = container_row(self.app), pod_row(self.pod)
        self.app.update(limit=0)
        self.addCleanup(self.app.update, limit=0.2)
        self.assertIsNone(self.app.kernel.limit_cores())

        def check(samples):
            for row in rows:
                self.assertIsNone(row.value(samples, "limit_cores"))
        self.within_a_second(check)
        # What was counted until then stays.
        self.compare(lambda samples: self.assert_bandwidth(samples, rows[0]))

    def test_request(self):
        row = container_row(self.app)
        for request in (0.5, 0.05, 0.1):
            self.app.update(request=request)
            if not self.hierarchies.v2:
                with open(f"{self.app.folder}/cpu.shares", encoding="utf-8") as file:
                    self.assertEqual(int(file.read()), int(request * 1024))

            def check(samples, request=request):
                shown = [(labels["source"], cores) for labels, cores in samples.rows(
                    CONTAINER + "request_cores") if row.labels.items() <= labels.items()]
                self.assertEqual(len(shown), 1)
                (source, cores), = shown
                if self.hierarchies.v2:
                    self.assertRegex(source, "^(shares|weight_.*)$")
                    self.assertAlmostEqual(cores, request, delta=0.02)
                else:
                    self.assertEqual((source, cores), ("shares", int(request * 1024) / 1024))
            self.within_a_second(check)

    def test_bursts(self):
        need(self.top.has_burst(), "this kernel knows no bursts")
        pod = self.bed.run_pod(own("live"), "burst")
        app = pod.add("app", worker.COMMAND, limit=0.1, burst_us=10_000)
        load = Worker(app)

        def has_burst():
            # Drifts against the periods, so that soon one of its bursts falls into one of them.
            load.run("--busy", "16ms", "--idle", "317ms", "--duration", "1s")
            kernel = app.kernel.bandwidth()
            return kernel["cfs_burst_periods_total"] > 0 and kernel["burst_seconds_total"] > 0
        until(has_burst, "the kernel counting a burst")
        self.compare(lambda samples: self.assert_bandwidth(samples, container_row(app)))


class Life(WithPods):
    """Containers that come and go, scraped all the time: nothing is lost, nothing twice."""

    more_config = "limits: {keep_ended: 3s}\n"
    KEPT = 3 * SECOND
    START_DELAY = 200_000_000  # after which a new container must be known
    STALLED_DELAY = START_DELAY + 2 * WINDOW_NS

    @classmethod
    def prepare(cls):
        cls.watcher = Watcher(cls.daemon, rb"throttlelens_(?:container|pod|ended)_.*" +
                              own("").encode(), rb"throttlelens_containers",
                              rb"throttlelens_ended_cpu_usage_seconds_total",
                              rb"throttlelens_probe_missed_windows_total")
        cls.addClassCleanup(cls.watcher.stop)

    def pod(self, name, namespace="life"):
        """Each test has a namespace of its own."""
        return self.bed.run_pod(own(namespace), name)

    def ended(self, samples, namespace):
        return samples.value(ENDED, namespace=own(namespace)) or 0

    def in_pods(self, samples, namespace):
        return sum(value for labels, value in samples.rows(POD + "usage_seconds_total")
                   if labels.get("namespace") == own(namespace))

    def rows_of(self, samples, row):
        return [labels for labels, _ in samples.rows("throttlelens_container_info")
                if row.labels.items() <= labels.items()]

    def assert_last_bandwidth(self, samples, row, kernel):
        for metric, last in kernel.items():
            # The timer of the periods may go off once more when the files are no longer there.
            more = 1 if metric == "cfs_periods_total" else 0
            value = row.value(samples, metric)
            if "burst" in metric and not last:
                self.assertIsNone(value, metric)
                continue
            self.assertGreaterEqual(value, last - 2.1e-6, metric)
            self.assertLessEqual(value, last + more + 2.1e-6, metric)

    def test_restarted_under_load(self):
        pod = self.pod("restarted", "restarted")
        app = pod.add("app", worker.COMMAND, request=0.1, limit=0.3)
        load, row = Worker(app), container_row(app)
        load.run("--duration", "1s", "--threads", "2")
        self.compare(lambda samples: self.assert_usage(samples, row, 1))
        first = app.id
        load.tell("--duration", "0", "--threads", "2")
        until(lambda: (row.value(self.scraped(), "utilization_cores", window="100ms") or 0) > 0.1,
              "the load in the metrics")
        last = Last(app.kernel)
        load.restart()
        last.wait()
        load.run("--duration", "700ms", "--threads", "2")
        row = container_row(app)
        self.assertGreater(last.usage(), 0.1)

        def check(samples):
            usage = row.value(samples, "usage_seconds_total")
            self.assert_same_use(usage, last.usage() + row.cgroup.usage(), starts=2)
            # The kernel has counted both in the pod.
            self.assert_same_use(usage, pod.kernel.usage() - sandbox(pod).usage(), starts=2)
            self.assert_last_bandwidth(samples, row, {
                metric: kernel + last.bandwidth()[metric]
                for metric, kernel in row.cgroup.bandwidth().items()})
            self.assertEqual([labels["container_id"] for labels in self.rows_of(samples, row)],
                             [app.id])
            self.assertNotIn(first, {labels.get("container_id") for _, labels in
                                     ((name, dict(labels)) for name, labels in samples)})
        self.compare(check)
        # When nothing is left of the first but what it had counted.
        long_ago = last.gone_at + self.KEPT + SECOND
        until(lambda: proc.mono() > long_ago, "the end of its row")
        self.compare(check)
        for name in ("usage_seconds_total", "cfs_periods_total", "throttled_seconds_total"):
            values = [row.value(samples, name) for _, _, samples in self.watcher.answers()]
            values = [value for value in values if value is not None]
            self.assertEqual(values, sorted(values), name)
            self.assertGreater(len(values), 10)

    def test_removed(self):
        pod = self.pod("removed", "removed")
        app, stays = pod.add("app", worker.COMMAND, limit=0.3), pod.add("stays", ["sleep", "99999"])
        load, row = Worker(app), container_row(app)
        load.run("--duration", "700ms", "--threads", "2")
        self.compare(lambda samples: self.assert_usage(samples, row, 1))
        before = row.value(self.scraped(), "usage_seconds_total")
        last = Last(app.kernel)
        app.remove()
        last.wait()
        usage, bandwidth = last.usage(), last.bandwidth()
        self.assertGreater(usage, 0.02)
        kept = 0
        while True:
            began = proc.mono()
            samples = self.scraped()
            value = row.value(samples, "usage_seconds_total")
            if value is None:
                break
            kept += 1
            self.assert_same_use(value, usage, starts=1)
            self.assertGreaterEqual(value, before)
            infos = [labels["container_id"] for labels, _ in samples.rows(
                "throttlelens_container_info")]
            self.assertIn(last.path.rpartition("/")[2], infos)
            counts = {labels["state"]: value for labels, value in samples.rows(
                "throttlelens_containers")}
            self.assertEqual(counts["running"] + counts["ended"], len(infos))
            self.assertGreaterEqual(counts["ended"], began > last.gone_at + SECOND)
            self.assert_last_bandwidth(samples, row, bandwidth)
            self.assertLess(began - last.gone_at, 4 * self.KEPT, "it stays for ever")
        # It was gone for us no sooner than for the daemon.
        self.assertGreaterEqual(proc.mono() - last.gone_at, self.KEPT)
        self.assertGreater(kept, 10)
        self.assertEqual(row.shown(samples), set())
        self.assertEqual(self.rows_of(samples, row), [])
        # The pod goes on with all that was used in it.
        self.assertIsNotNone(container_row(stays).value(samples, "usage_seconds_total"))
        self.compare(lambda samples: self.assert_usage(samples, pod_row(pod), 3))
        self.assertGreater(pod.kernel.usage(), usage)
        self.assertEqual(self.ended(samples, "removed"), 0)

        before = pod.kernel.usage()
        pod.stop()
        final = pod.kernel.usage()
        self.assertGreaterEqual(final, before)
        pod.remove()

        def in_ended(samples):
            self.assertIsNone(pod_row(pod).value(samples, "usage_seconds_total"))
            self.assert_same_use(self.ended(samples, "removed"), final, starts=3)
        self.compare(in_ended)

    def test_short_lived(self):
        pod = self.pod("short", "short")
        pod.add("stays", ["sleep", "99999"])
        self.is_shown(pod_row(pod))
        records, ended = {}, {}

        def run(number):
            app = pod.add(f"job-{number}", ["tl_load", "--duration", "50ms"])
            self.assertEqual(app.wait(), 0)
            ended[app.name] = proc.mono()
            records[app.name] = Record(json.loads(app.log())).cpu_ns / 1e9
        with self.watcher.paused():
            before = pod.kernel.usage()
            self.bed.each(run, range(20), workers=2)
            until(lambda: not any(os.path.exists(c.folder) for c in pod.containers[1:]),
                  "the end of all")
            used = pod.kernel.usage() - before
        self.assertGreater(used, sum(records.values()))
        self.assertGreater(sum(records.values()), 0.1)

        def check(samples):
            kept = {name for name, at in ended.items() if at + self.KEPT > proc.mono()}
            self.assert_usage(samples, pod_row(pod), 22)
            # Each of them is there too, and together they are what is said of the pod.
            rows = {labels["container"]: value for labels, value in samples.rows(
                CONTAINER + "usage_seconds_total") if labels.get("pod") == "short"}
            self.assertLessEqual(kept, set(rows))
            for name in set(rows) - {"stays"}:
                self.assertGreaterEqual(rows[name] + 0.001, records[name])
            ours = pod_row(pod).value(samples, "usage_seconds_total") - sandbox(pod).usage()
            self.assertLessEqual(sum(rows.values()), ours + START_DOUBT)
            if len(rows) == 21:
                self.assertAlmostEqual(sum(rows.values()), ours, delta=START_DOUBT)
            return len(rows)
        self.assertGreater(self.compare(check), 1)
        self.compare(self.assert_sum)

    def test_pods_between_two_scrapes(self):
        finals = {}
        with self.watcher.paused():
            for namespace, count in (("hither", 3), ("yon", 2)):
                for i in range(count):
                    pod = self.pod(f"job-{i}", namespace)
                    self.assertEqual(pod.add("job", ["tl_load", "--duration", "80ms"]).wait(), 0)
                    pod.stop()
                    finals[namespace, i] = pod.kernel.usage()
                    pod.remove()
        for namespace, count in (("hither", 3), ("yon", 2)):
            total = sum(finals[namespace, i] for i in range(count))
            self.assertGreater(total, count * 0.02)
            seen = set()

            def check(samples, namespace=namespace, count=count, total=total, seen=seen):
                shown, ended = self.in_pods(samples, namespace), self.ended(samples, namespace)
                self.assert_same_use(shown + ended, total, starts=2 * count)
                seen.add((shown > 0, ended > 0))
                self.assertEqual(shown, 0)
            self.compare(check)
            self.assertIn((False, True), seen)

    def test_plain_and_ended(self):
        plain = self.bed.run_plain(own("plain"), worker.COMMAND, limit=0.5)
        self.is_shown(plain_row(plain))
        Worker(plain).run("--duration", "300ms")
        samples = self.scraped()
        before = samples.value(ENDED) or 0
        last = Last(plain.kernel)
        plain.remove()
        last.wait()

        def check(samples):
            self.assertIsNone(plain_row(plain).value(samples, "usage_seconds_total"))
            # Others' plain containers may have ended too.
            self.assertGreaterEqual((samples.value(ENDED) or 0) + 0.001, before + last.usage())
        self.compare(check)

    def test_start_to_row(self):
        pod = self.pod("started", "started")
        pod.add("stays", ["sleep", "99999"])
        started = []
        for i in range(20):
            app = pod.add(f"app-{i}", ["sleep", "99999"])
            returned = proc.mono()
            started.append((container_row(app), proc.started_mono(app.pid), returned))
            self.is_shown(started[-1][0])
        after = proc.mono() + SECOND
        until(lambda: proc.mono() > after, "a second of scrapes")
        answers = self.watcher.answers()
        delays, late = [], []

        def missed(answer):
            return answer[2].value("throttlelens_probe_missed_windows_total")
        for row, began, returned in started:
            shown = [answer for answer in answers
                     if row.value(answer[2], "usage_seconds_total") is not None]
            delays.append((shown[0][1] - began) / 1e6)
            before = max((answer for answer in answers if answer[0] <= returned),
                         key=lambda answer: answer[0])
            for answer in answers:
                stalled = missed(answer) > missed(before)
                least = self.STALLED_DELAY if stalled else self.START_DELAY
                if answer[0] >= returned + least and answer not in shown:
                    late.append((row.name, (answer[0] - returned) / 1e6, stalled))
        delays.sort()
        print(f"\nnote: from a container's start to the end of the first answer with its row, "
              f"asked ten times a second: median {statistics.median(delays):.0f} ms, "
              f"90 % {delays[int(len(delays) * 0.9)]:.0f} ms, most {delays[-1]:.0f} ms")
        self.assertEqual(late, [])

    def test_zz_never_down(self):
        """The last: over all that the others did."""
        namespaces = ("restarted", "removed", "short", "hither", "yon", "started")
        highest = dict.fromkeys(namespaces, 0.0)
        seen = 0
        for _, _, samples in self.watcher.answers():
            for namespace in namespaces:
                total = self.in_pods(samples, namespace) + self.ended(samples, namespace)
                # Sums of doubles.
                self.assertGreaterEqual(total, highest[namespace] - 1e-9, namespace)
                highest[namespace] = max(highest[namespace], total)
            seen += 1
        self.assertGreater(seen, 50)
        self.assertTrue(all(highest.values()), highest)


class Secrets(WithPods):
    """The files of a bundle hold what the daemon must not know."""

    more_config = "log: {level: trace}\n"

    @classmethod
    def prepare(cls):
        # Many, so that one is found in whatever part of a buffer is left.
        cls.secrets = [os.urandom(20).hex() for _ in range(60)]
        cls.pod = cls.bed.run_pod(own("vault"), "web", labels={"secret": cls.secrets[0]})

    def add(self, name):
        *passwords, argument = self.secrets
        app = self.pod.add(name, ["sh", "-c", f": {argument}; exec sleep 99999"], limit=0.1,
                           env={f"PASSWORD_{i}": text for i, text in enumerate(passwords)})
        with open(os.path.join(app.bundle, "config.json"), encoding="utf-8") as file:
            bundle = file.read()
        for secret in self.secrets:
            self.assertIn(secret, bundle)
        return app

    def in_memory(self, *texts):
        return memory.find(self.daemon.pid, *(text.encode() for text in texts))

    def test_secrets_stay_where_they_are(self):
        # Half of one would be half too much.
        halves = [half for secret in self.secrets for half in (secret[:20], secret[20:])]
        for _ in range(3):
            name = "name-" + os.urandom(20).hex()
            app = self.add(name)
            # Right after it was read, before anything else is done in the same memory.
            until(lambda n=name: self.in_memory(n), "its name in the daemon's memory")
            self.assertEqual(self.in_memory(*halves), set())
            self.assertEqual(self.in_memory(name, app.id), {name.encode(), app.id.encode()})
        self.is_shown(*map(container_row, self.pod.containers))
        app.restart()
        self.is_shown(container_row(app))
        said = self.daemon.metrics_text() + self.daemon.get("/") + self.daemon.log().encode()
        self.assertIn(name.encode(), said)
        for text in halves:
            self.assertNotIn(text.encode(), said)
        self.assertEqual(self.in_memory(*halves, name), {name.encode()})


class Discovery(Scenario):
    """Runtimes that come later, come back, or are where nobody said."""

    @classmethod
    def before_start(cls):
        need_test_bed()
        cls.state = os.path.join(cleanup.folder(0o711), "state")
        cls.config = f"runtimes: {{containerd: [{cls.state}]}}\n"

    @classmethod
    def below(cls):
        return cls.bed.root_cgroup

    @classmethod
    def prepare(cls):
        cls.bed = TestBed([load_program()], state_dir=cls.state)

    def check_rows(self, samples, pod):
        """All containers of the pod by their names, and no other row of it."""
        infos = sorted((labels["container"], labels["container_id"]) for labels, _ in
                       samples.rows("throttlelens_container_info") if labels.get("uid") == pod.uid)
        self.assertEqual(infos, sorted((c.name, c.id) for c in pod.containers))
        for container in pod.containers:
            self.assert_usage(samples, container_row(container), 1)

    def test_1_runtime_after_the_daemon(self):
        pod = self.bed.run_pod(own("later"), "web")
        Worker(pod.add("app", worker.COMMAND, limit=0.2)).run("--duration", "300ms")
        self.compare(lambda samples: self.check_rows(samples, pod))

    def test_2_runtime_restarted(self):
        pod = self.bed.run_pod(own("restarted"), "web")
        load = Worker(pod.add("app", worker.COMMAND, limit=0.2))
        load.run("--duration", "300ms")
        self.compare(lambda samples: self.check_rows(samples, pod))
        self.bed.restart_containerd()
        self.check_rows(self.scraped(), pod)
        load.run("--duration", "300ms")
        Worker(pod.add("new", worker.COMMAND)).run("--duration", "200ms")
        self.compare(lambda samples: self.check_rows(samples, pod))

    def test_3_nobody_said_where(self):
        """Until it is found, containers are known from their paths."""
        pod = self.bed.run_pod(own("elsewhere"), "web")
        load = Worker(pod.add("app", worker.COMMAND, limit=0.2))
        load.run("--duration", "200ms")
        daemon = Daemon(self.binary(), "runtimes: {containerd: []}\n")
        until_agreed(lambda: self.check_rows(daemon.metrics(self.below()), pod))
        load.run("--duration", "200ms")
        later = self.bed.run_pod(own("elsewhere"), "later")
        later.add("app", ["sleep", "99999"])
        for one in (pod, later):
            until_agreed(lambda p=one: self.check_rows(daemon.metrics(self.below()), p))
        samples = daemon.metrics(self.below())
        self.assert_usage(samples, pod_row(pod), 2)
        # Nothing is left of the names they had.
        self.assertFalse([labels for labels, _ in samples.rows(POD + "usage_seconds_total")
                          if labels["pod"] == pod.uid])
        self.assertEqual(daemon.end(), 0)


class Limits(WithPods):
    """More series than a scrape may have."""

    CAP = 100
    SIZES = {"big": 8, "middle": 5, "small": 2}  # containers

    @classmethod
    def before_start(cls):
        super().before_start()
        # Of nobody else anything is shown, so that two daemons can be compared.
        cls.config += f"cgroup: {{include: ['{cls.bed.root_cgroup}*']}}\n"

    @classmethod
    def prepare(cls):
        cls.pods = [cls.bed.run_pod(own(name), "web") for name in cls.SIZES]
        cls.bed.each(lambda at: at[0].add(f"app-{at[1]}", ["sleep", "99999"], limit=0.1),
                     [(pod, i) for pod, size in zip(cls.pods, cls.SIZES.values())
                      for i in range(size)])

    @staticmethod
    def by_namespace(samples):
        count = {}
        for _, labels in samples:
            if namespace := dict(labels).get("namespace"):
                count[namespace] = count.get(namespace, 0) + 1
        return count

    def test_the_cap_holds(self):
        self.is_shown(*(container_row(c) for pod in self.pods for c in pod.containers))
        # Of the same age, so that both have seen the same waits: none.
        every = Daemon(self.binary(), self.config)
        capped = Daemon(self.binary(), self.config + f"limits: {{max_series: {self.CAP}}}\n")
        dropped = capped.metrics().value("throttlelens_series_dropped_total")
        line = re.search(r"limits\.max_series is (\d+): (\d+) series left out of this scrape, "
                         r"(?:all|most) of them in namespaces (.+)", capped.log())
        self.assertIsNotNone(line, capped.log())
        self.assertEqual((int(line[1]), int(line[2])), (self.CAP, dropped))
        named = dict(re.findall(r"(\S+) \((\d+)\)", line[3]))
        self.assertEqual(list(named), [own(name) for name in self.SIZES])  # the biggest first
        self.assertGreater(dropped, 150)

        def check():
            first, full, second = capped.metrics(), every.metrics(), capped.metrics()
            for shown in (first, second):
                self.assertLessEqual(len(shown), self.CAP)
            left_out = (second.value("throttlelens_series_dropped_total")
                        - first.value("throttlelens_series_dropped_total"))
            self.assertEqual(len(full) - len(second), left_out)
            self.assertEqual(full.value("throttlelens_series_dropped_total"), 0)
            # Containers come first, and whole.
            self.assertLess(set(second), set(full))
            self.assertEqual(second.rows("throttlelens_cgroup_cpu_usage_seconds_total"), [])
            complete = self.by_namespace(full)
            self.assertEqual(sorted(complete, key=complete.get, reverse=True), list(named))
            infos = second.rows("throttlelens_container_info")
            self.assertTrue(infos)
            for labels, _ in infos:
                name = {key: labels[key] for key in ("namespace", "pod", "container")}.items()
                self.assertEqual(*(sum(name <= labels for _, labels in samples)
                                   for samples in (full, second)))
        until_agreed(check)
        self.assertEqual(len(re.findall("limits.max_series is", capped.log())), 1)
        self.assertEqual(promtool_complaints(capped.metrics_text()), "")


class Waves(WithPods):
    """Hundreds of containers that come and go leave nothing behind."""

    WAVES, PODS, EACH = 3, 17, 9

    @classmethod
    def before_start(cls):
        super().before_start()
        now = sum(1 for _ in os.walk(cls.hierarchies.cpu))
        # Slots that stayed taken would be missed in the next wave.
        room = now + cls.PODS * (cls.EACH + 2) * 3 // 2
        cls.config += f"limits: {{keep_ended: 2s, max_cgroups: {room}}}\n"

    def wave(self, number):
        pods = self.bed.each(lambda i: self.bed.run_pod(own("wave"), f"web-{number}-{i}"),
                             range(self.PODS))
        self.bed.each(lambda pod: [pod.add(f"app-{i}", ["sleep", "99999"], limit=0.1)
                                   for i in range(self.EACH)], pods)
        self.is_shown(*(container_row(c) for pod in pods for c in pod.containers))
        self.assertEqual(self.scraped().value("throttlelens_probe_dropped_cgroups_total"), 0)
        self.bed.each(lambda pod: pod.remove(), pods)

        def nothing(samples):
            self.assertFalse([1 for _, labels in samples if ("namespace", own("wave")) in labels
                              and dict(labels).keys() != {"namespace"}])
        self.compare(nothing)

    def state(self):
        return {"series": self.series(), "fds": proc.open_fds(self.daemon.pid),
                "resident": proc.resident_bytes(self.daemon.pid)}

    def test_waves(self):
        states = []
        for number in range(self.WAVES):
            cpu, began = proc.cpu_seconds(self.daemon.pid), proc.mono()
            self.wave(number)
            states.append(self.state())
            took = (proc.mono() - began) / 1e9
            cpu = proc.cpu_seconds(self.daemon.pid) - cpu
            print(f"\nnote: wave {number}: {self.PODS * (self.EACH + 1)} containers in "
                  f"{took:.1f} s; the daemon took {cpu * 1000:.0f} ms of CPU, has "
                  f"{states[-1]['resident'] >> 10} KiB, {states[-1]['fds']} descriptors, "
                  f"{states[-1]['series'].total()} series", end="", flush=True)
        print()
        first, last = states[0], states[-1]
        self.assertEqual(last["series"], first["series"])
        # Connections of scrapes are closed a moment later.
        until(lambda: proc.open_fds(self.daemon.pid) <= first["fds"], "descriptors being closed")
        self.assertLess(last["resident"], first["resident"] + (3 << 19))


if __name__ == "__main__":
    sys.exit(main(__doc__))
