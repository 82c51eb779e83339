# SPDX-License-Identifier: Apache-2.0
"""What all tests around a real daemon share: its start, what it is held against, and the verdict.
Whatever a row is named by, its numbers are those of one cgroup."""

import collections
import json
import os
import subprocess
import sys
import unittest

import cleanup
import proc
from cgroups import Cgroup, Hierarchies
from daemon import Daemon
from deadline import until_agreed
from load import WINDOW_NS, Load
from needs import need, need_root, need_tool
from prometheus import Prometheus

SECOND = 1_000_000_000
LENGTHS = {"100ms": 1, "1s": 10, "5s": 50}  # in base windows
# A runtime moves a process that runs. v1 moves it twice, first for us, then for the kernel's
# counter of use; v2 charges what it ran since the last tick to where it comes to. Either way the
# counter misplaces some of the first milliseconds of each container.
START_DOUBT = 0.004  # seconds
MOST = 50  # times the weight of others gives a cgroup most of the CPUs
_PROGRAMS = {}


def main(document, names=("throttlelens", "tl_load")):
    """The exit code of a test program. Its first arguments are paths of these names, as `usage:` in
    the document says."""
    if len(sys.argv) <= len(names):
        sys.exit(document)
    for name in names:
        _PROGRAMS[name] = os.path.abspath(sys.argv.pop(1))
    cleanup.on_signals()
    result = unittest.main(verbosity=2, exit=False).result
    # Of a class that is skipped as a whole no test is run.
    if result.wasSuccessful() and result.skipped and len(result.skipped) >= result.testsRun:
        print(result.skipped[-1][1])
        return 77
    return 0 if result.wasSuccessful() else 1


def argument(name):
    return _PROGRAMS[name]


def throttlelens():
    return _PROGRAMS["throttlelens"]


def load_program():
    return _PROGRAMS["tl_load"]


def command(*arguments, prefix=()):
    return subprocess.run([*prefix, throttlelens(), *arguments], capture_output=True, text=True, timeout=60,
                          check=False).stdout


def bpf_works():
    return json.loads(command("doctor", "-o", "json"))["tier"] == "bpf"


def catalogue():
    return {metric["name"]: metric
            for metric in json.loads(command("metrics", "-o", "json"))["metrics"]}


def is_about_containers(metric):
    """Needs containers to be compared with anything."""
    name = metric.removeprefix("throttlelens_")
    return name in ("containers", "metadata_errors_total") or name.startswith(
        ("container_", "pod_cpu_", "ended_"))


def is_about_costs(metric):
    """Needs shims and services to be compared with anything."""
    return metric.removeprefix("throttlelens_").startswith(
        ("pod_overhead_", "node_overhead_", "node_service_", "probe_lost_processes_"))


class Row:
    """The series that show one cgroup: `cgroup` is what the kernel says of it. `misplaced` is what
    its counter is known to lack, in seconds."""

    misplaced = 0.0

    def __init__(self, cgroup, prefix="throttlelens_cgroup_cpu_", **labels):
        self.cgroup, self.prefix = cgroup, prefix
        self.labels = labels or {"cgroup": cgroup.path}
        self.name = "/".join(self.labels.values())

    def value(self, samples, name, **more):
        return samples.value(self.prefix + name, **self.labels, **more)

    def shown(self, samples):
        """Names of its families."""
        own = set(self.labels.items())
        return {name for name, labels in samples if name.startswith(self.prefix) and own <= labels}


class Scenario(unittest.TestCase):
    """A class of tests around one daemon and maybe one Prometheus; cgroups are made after they
    run."""

    config = None
    prefix = ()
    tier = "bpf"
    target_labels = None  # a dict: with a Prometheus that gives its target these labels
    top = daemon = prometheus = hierarchies = None

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cleanup.close_all)
        need_root()
        need_tool("setpriv", "util-linux")
        if cls.target_labels is not None:
            need_tool("prometheus", "prometheus")
        need_tool("promtool", "prometheus")
        need(cls.tier != "bpf" or bpf_works(), "this machine does not let the BPF programs load")
        cls.hierarchies = Hierarchies()
        cls.before_start()
        cls.daemon = Daemon(cls.binary(), cls.config, cls.prefix)
        if cls.target_labels is not None:
            cls.prometheus = Prometheus(cls.daemon.address, cls.target_labels)
        cls.top = Cgroup(cls.hierarchies, f"/throttlelens-e2e-{os.getpid()}")
        cls.prepare()

    @classmethod
    def binary(cls):
        return throttlelens()

    @classmethod
    def before_start(cls):
        pass

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def load(cls, cgroup, *arguments):
        return Load(load_program(), cgroup, *arguments)

    @classmethod
    def stay_ahead(cls):
        """Before the start: loads that get most of the CPUs, whoever else uses this machine, so
        that what holds them back is what the test makes, must not starve who looks at them."""
        ahead = Cgroup(cls.hierarchies, f"/throttlelens-e2e-{os.getpid()}-ahead")
        ahead.weigh(2 * MOST)
        cls.prefix = ahead.prefix()

    @classmethod
    def below(cls):
        """The cgroup of this test's own; of others nothing is looked at."""
        return cls.top.path

    @classmethod
    def missed_windows(cls):
        return cls.daemon.metrics(cls.below()).value("throttlelens_probe_missed_windows_total")

    def stored(self):
        """What Prometheus has of our cgroups, the node and the daemon."""
        self.prometheus.wait_for_scrape()
        return self.prometheus.latest(self.below())

    def scraped(self):
        return self.daemon.metrics(self.below())

    def series(self):
        """How many a scrape has of each name, without histograms of waits: whether one was long is
        not up to the test."""
        return collections.Counter(name for name, _ in self.scraped() if "wait_duration" not in name)

    def compare(self, check):
        """`check` against what Prometheus, or the daemon where there is none, has, until it
        agrees: at rest, but on its way."""
        read = self.stored if self.prometheus else self.scraped
        return until_agreed(lambda: check(read()))

    def assert_usage(self, samples, row, starts=0):
        """starts: how often a runtime started something in there, unless `misplaced` is known."""
        self.assert_same_use(row.value(samples, "usage_seconds_total"),
                             row.cgroup.usage() + row.misplaced, row.name, starts)

    def assert_same_use(self, value, kernel, what=None, starts=0):
        self.assertIsNotNone(value, what)
        self.assertAlmostEqual(value, kernel, msg=what,
                               delta=max(0.0005 * kernel, 0.001) + starts * START_DOUBT)

    def assert_bandwidth(self, samples, row):
        counters = row.cgroup.bandwidth()
        bursts = {metric: kernel for metric, kernel in counters.items() if "burst" in metric}
        if not any(bursts.values()) and not row.cgroup.may_burst():
            for metric in bursts:
                self.assertIsNone(row.value(samples, metric), f"{metric} of {row.name}")
                del counters[metric]
        for metric, kernel in counters.items():
            value = row.value(samples, metric)
            self.assertIsNotNone(value, f"{metric} of {row.name}")
            # v2 rounds to a microsecond.
            delta = 1.01e-6 if self.hierarchies.v2 and "seconds" in metric else 1e-9
            self.assertAlmostEqual(value, kernel, delta=delta, msg=f"{metric} of {row.name}")

    def assert_limit(self, samples, row):
        self.assertAlmostEqual(row.value(samples, "limit_cores"), row.cgroup.limit_cores(),
                               delta=1e-9, msg=row.name)

    def assert_no_limit(self, samples, row, beside=(), below_one=False):
        """What is not known is absent, not 0. below_one: a limit further up holds it back."""
        expected = {"usage_seconds_total", "utilization_cores", "window_peak_cores", *beside}
        possible, causes = set(), set()
        if self.tier == "bpf":
            expected.add("wait_seconds_total")
            causes.add("contention")
            if any(name.endswith("lost_seconds_total") for name, _ in samples):
                expected.add("lost_seconds_total")  # the kernel tells, so of all
            possible |= histogram("wait_duration_seconds")  # if one was long
        if below_one:
            causes.add("throttle")
            expected |= {"throttled_while_idle_seconds_total",
                         *histogram("throttle_episode_seconds")}
        shown = {name.removeprefix(row.prefix) for name in row.shown(samples)}
        self.assertLessEqual(expected, shown, row.name)
        self.assertLessEqual(shown, expected | possible, row.name)
        self.assertEqual({labels["cause"] for labels, _ in samples.rows(
            row.prefix + "wait_seconds_total") if row.labels.items() <= labels.items()}, causes)


def histogram(family):
    """Names of its series."""
    return {family + end for end in ("_bucket", "_sum", "_count")}


class Windows(Scenario):
    """For tests of windows: scrapes while known loads ran, and the loads' own records of them."""

    scrapes = ()    # (before, after, samples), with CLOCK_MONOTONIC
    watching = missed = 0  # since when the daemon watches; windows it missed

    def may_be_absent(self, candidates, factor):
        """The window began before the daemon, or windows were missed, so that it was not whole."""
        return self.missed > 0 or min(candidates) * factor * WINDOW_NS < self.watching

    def could_be(self, before, after, factor):
        """Windows that can have been the last completed one of a scrape between these times: the
        answer may hold the snapshot before, which is a second old at most, and a little more."""
        length = factor * WINDOW_NS
        return range((before - 2 * SECOND) // length - 1, after // length)

    def assert_utilization(self, records, least_seen):
        """records: [(row, what its load says)]; least_seen: how many different values there must
        be of each window, so that the comparison was of more than zeros."""
        seen = {length: set() for length in LENGTHS}
        fresh = compared = 0
        for before, after, samples in self.scrapes:
            for row, record in records:
                for window, factor in LENGTHS.items():
                    cores = row.value(samples, "utilization_cores", window=window)
                    length = factor * WINDOW_NS
                    candidates = self.could_be(before, after, factor)
                    if cores is None:
                        self.assertTrue(self.may_be_absent(candidates, factor),
                                        f"{row.name} {window}")
                        continue
                    used = {i: record.window(i, factor) for i in candidates}
                    equal = [i for i, (ns, doubt) in used.items()
                             if abs(cores * length - ns) <= factor * 1_000_000 + doubt]
                    self.assertTrue(equal, f"{row.name} {window}: {cores} cores; the load: {used}, "
                                           f"asked in windows {before / length:.2f} to "
                                           f"{after / length:.2f}")
                    seen[window].add((row.name, cores))
                    compared += 1
                    fresh += max(equal) >= (before - SECOND // 2) // length - 1
        if not self.missed:  # a daemon that was never late
            self.assertGreater(fresh, compared / 2, "too many answers were old")
        for window, least in least_seen.items():
            self.assertGreater(len(seen[window]), least, window)

    def assert_peaks(self, samples, row, record):
        for window, factor in LENGTHS.items():
            value = row.value(samples, "window_peak_cores", window=window)
            self.assertIsNotNone(value, f"{row.name} {window}")
            peak, delta = value * factor * WINDOW_NS, factor * 1_000_000
            windows = record.windows(factor)
            # The one it is least sure of may have been the highest.
            most = max(max(used + doubt for used, doubt in windows), record.beside_ns)
            self.assertLessEqual(peak, most + delta, f"{row.name} {window}")
            if not self.missed:  # the highest may have been among those
                least = max(used - doubt for used, doubt in windows)
                self.assertGreaterEqual(peak, least - delta, f"{row.name} {window}")

    def assert_histogram(self, row, record, limit_set):
        """Of windows by use of the limit. limit_set: CLOCK_MONOTONIC before and after it was
        set."""
        family = "window_limit_utilization_ratio"
        before, samples, after = proc.mono(), self.scraped(), proc.mono()
        count = row.value(samples, family + "_count", window="100ms")
        # From the batch the limit came with, which is one of the first after it was set.
        self.assertLessEqual(count, after // WINDOW_NS - limit_set[0] // WINDOW_NS + 1, row.name)
        least = (before - 2 * SECOND) // WINDOW_NS - limit_set[1] // WINDOW_NS - 5 - self.missed
        self.assertGreaterEqual(count, least, row.name)

        buckets = sorted((float(labels["le"]), value)
                         for labels, value in samples.rows(row.prefix + family + "_bucket")
                         if row.labels.items() <= labels.items())
        self.assertEqual(len(buckets), 10, row.name)
        self.assertEqual([v for _, v in buckets], sorted(v for _, v in buckets))
        self.assertEqual(buckets[-1], (float("inf"), count))
        if self.missed:
            return  # their use is in no bucket
        limit_ns = row.cgroup.limit_cores() * WINDOW_NS
        total = row.value(samples, family + "_sum", window="100ms") * limit_ns / 1e9
        usage = row.value(samples, "usage_seconds_total")
        delta = 0.005 * usage + 0.001
        self.assertLessEqual(total, usage + delta, row.name)
        # What others used may have come before the limit was seen.
        self.assertGreaterEqual(total, usage - record.beside_ns / 1e9 - delta, row.name)
        windows = record.windows(1)
        idle = count - len(windows)
        for bound, value in buckets[:-1]:
            least = sum(used + doubt + 1_000_000 <= bound * limit_ns for used, doubt in windows)
            most = sum(used - doubt - 1_000_000 <= bound * limit_ns for used, doubt in windows)
            # Each window above the bound takes that much.
            least -= int(record.beside_ns / (bound * limit_ns))
            self.assertTrue(idle + least <= value <= idle + most,
                            f"{row.name} le={bound}: {value} not in {idle} + [{least}, {most}]")
