#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real daemon on the real kernel, scraped by the real Prometheus: every number held against a
second opinion, of the kernel or of the load itself.

usage: prometheus_test.py THROTTLELENS TL_LOAD [unittest arguments]
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "lib"),
                os.path.join(os.path.dirname(_HERE), "support", "testbed")]

# pylint: disable=wrong-import-position
import cleanup
import exposition
import proc
import waits_test
from daemon import Daemon
from deadline import until
from load import WINDOW_NS
from needs import need, need_tool
from prometheus import promtool_complaints
from scenario import (LENGTHS, SECOND, Row, Scenario, Windows, catalogue, command,
                      is_about_containers, is_about_costs, main, throttlelens)

PREFIX = "throttlelens_cgroup_cpu_"
CPUSTAT = "probe: {mode: cpustat}\n"
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all"]


class Values(Windows):
    """All metrics of tier bpf but those of containers, from 11 s of five known loads on edges of
    the longest window."""

    target_labels = {}

    # Every metric of the catalogue must be here, so that a new one cannot go without a comparison.
    COMPARED = {
        PREFIX + name: test for name, test in {
            "usage_seconds_total": "test_usage", "utilization_cores": "test_utilization",
            "window_peak_cores": "test_peaks", "limit_cores": "test_bandwidth",
            "window_limit_utilization_ratio": "test_histogram",
            "cfs_periods_total": "test_bandwidth", "cfs_throttled_periods_total": "test_bandwidth",
            "throttled_seconds_total": "test_bandwidth", "cfs_burst_periods_total": "test_bursts",
            "burst_seconds_total": "test_bursts",
            "wait_seconds_total": "PlainWaits.test_waits",
            "wait_duration_seconds": "PlainWaits.test_durations",
            "throttle_episode_seconds": "PlainWaits.test_episodes",
            "throttled_while_idle_seconds_total": "PlainWaits.test_throttled_while_idle",
            "lost_seconds_total": "PlainWaits.test_lost"}.items()
    } | {
        "throttlelens_" + name: test for name, test in {
            "build_info": "test_infos", "probe_info": "test_infos",
            "node_online_cpus": "test_node",
            "node_cpu_utilization_cores": "test_node", "node_cpu_idle_ratio": "test_node",
            "probe_lost_switches_total": "test_losses",
            "probe_recovered_switches_total": "test_losses",
            "probe_missed_windows_total": "test_losses",
            "probe_dropped_cgroups_total": "test_losses",
            "probe_partial_waits_total": "PlainWaits.test_losses",
            "probe_lost_episodes_total": "PlainWaits.test_losses",
            "series_dropped_total": "test_losses",
            "probe_run_seconds_total": "test_probe_run_time"}.items()
    } | {
        "process_" + name: "test_process" for name in (
            "cpu_seconds_total", "resident_memory_bytes", "virtual_memory_bytes", "open_fds",
            "max_fds", "start_time_seconds")
    }

    @classmethod
    def prepare(cls):
        cls.watching = proc.mono()
        names = ("hog", "pulse", "uneven", "burst", "pod")
        cls.cgroups = {name: cls.top.child(name) for name in names}
        container = cls.cgroups["container"] = cls.cgroups["pod"].child("container")
        limits_set = proc.mono()
        cls.cgroups["hog"].limit(20_000)
        burst = cls.cgroups["burst"]
        burst.limit(20_000, burst_us=20_000 if burst.has_burst() else 0)
        cls.cgroups["pod"].limit(10_000)  # nothing runs in it, all below it
        cls.limits_set = limits_set, proc.mono()

        length = LENGTHS["5s"] * WINDOW_NS
        cls.node_clock = proc.NodeClock(length)
        cls.addClassCleanup(cls.node_clock.stop)
        cls.start = ((proc.mono() + SECOND) // length + 1) * length
        time_plan = ("--start-at", str(cls.start), "--duration", "11s")
        busy = lambda ms, idle: ("--busy", f"{ms}ms", "--idle", f"{idle}ms")
        loads = {
            "hog": cls.load(cls.cgroups["hog"], *time_plan, "--threads", "2"),
            "pulse": cls.load(cls.cgroups["pulse"], *time_plan, *busy(7, 3)),
            # No two windows next to each other are the same, so that they cannot be mixed up.
            "uneven": cls.load(cls.cgroups["uneven"], *time_plan, *busy(61, 90)),
            "burst": cls.load(cls.cgroups["burst"], *time_plan, *busy(32, 301)),
            "container": cls.load(container, *time_plan),
        }
        cls.scrapes = []
        while any(load.popen.poll() is None for load in loads.values()):
            # Each answer waits for the next window, so this is no busy loop.
            before = proc.mono()
            text = cls.daemon.metrics_text()
            cls.scrapes.append((before, proc.mono(), text))
        # Read now that the loads no longer need the CPUs.
        cls.scrapes = [(before, after, exposition.parse(text, cls.top.path))
                       for before, after, text in cls.scrapes]
        cls.records = {name: load.finish() for name, load in loads.items()}
        cls.records["pod"] = cls.records["container"]
        cls.rows = {name: Row(cgroup) for name, cgroup in cls.cgroups.items()}
        ended = time.time()
        # The windows after the last edge of a second must be over too.
        cls.prometheus.wait_for_scrape(ended + 1.2)
        cls.missed = cls.missed_windows()

    def test_all_metrics_are_compared(self):
        def is_here(name):
            return not is_about_containers(name) and not is_about_costs(name)
        metrics = set(filter(is_here, catalogue()))
        self.assertEqual(metrics, set(self.COMPARED))
        for place in self.COMPARED.values():
            of_class, _, name = place.rpartition(".")
            found = getattr(waits_test, of_class) if of_class else self
            self.assertTrue(callable(getattr(found, name)))
        exposed = {re.sub(r"_(bucket|sum|count)$", "", name) for name, _ in self.stored()}
        exposed = set(filter(is_here, exposed))
        self.assertLessEqual(exposed, metrics)
        missing = metrics - exposed - {"throttlelens_probe_run_seconds_total"}
        if not self.cgroups["burst"].has_burst():
            missing -= {PREFIX + "cfs_burst_periods_total", PREFIX + "burst_seconds_total"}
        self.assertEqual(missing, set())

    def test_usage(self):
        def check(samples):
            for row in (*self.rows.values(), Row(self.top)):
                self.assert_usage(samples, row)
        self.compare(check)
        for name, record in self.records.items():
            self.assertAlmostEqual(self.cgroups[name].usage(), record.cpu_ns / 1e9, delta=0.03)

    def test_bandwidth(self):
        def check(samples):
            for name in ("hog", "burst", "pod"):
                self.assert_limit(samples, self.rows[name])
                self.assert_bandwidth(samples, self.rows[name])
        self.compare(check)
        for name in ("hog", "pod"):
            kernel = self.cgroups[name].bandwidth()
            self.assertGreater(kernel["cfs_throttled_periods_total"], 0, name)
            self.assertGreater(kernel["throttled_seconds_total"], 0, name)

    def test_bursts(self):
        cgroup = self.top.child("bursts")
        need(cgroup.has_burst(), "this kernel knows no bursts")
        cgroup.limit(10_000, burst_us=10_000)

        def has_burst():
            # Drifts against the periods, so that soon one of its bursts falls into one of them.
            self.load(cgroup, "--busy", "16ms", "--idle", "317ms", "--duration", "1s").finish()
            kernel = cgroup.bandwidth()
            return (kernel["cfs_burst_periods_total"] > 0
                    and kernel["burst_seconds_total"] > 0)
        until(has_burst, "the kernel counting a burst")
        self.compare(lambda samples: self.assert_bandwidth(samples, Row(cgroup)))

    def test_missing_is_absent(self):
        samples = self.stored()
        for name in ("pulse", "uneven"):
            self.assert_no_limit(samples, self.rows[name])
        self.assert_no_limit(samples, self.rows["container"], below_one=True)

    def test_utilization(self):
        self.assert_utilization([(self.rows[name], record) for name, record in
                                 self.records.items()], {"100ms": 50, "1s": 20, "5s": 5})

    def test_peaks(self):
        samples = self.stored()
        for name, record in self.records.items():
            self.assert_peaks(samples, self.rows[name], record)

    def test_histogram(self):
        for name in ("hog", "burst", "pod"):
            self.assert_histogram(self.rows[name], self.records[name], self.limits_set)

    def test_node(self):
        cpus = proc.online_cpus()
        compared = 0
        for before, after, samples in self.scrapes:
            self.assertEqual(samples.value("throttlelens_node_online_cpus"), cpus)
            for window, factor in LENGTHS.items():
                busy = samples.value("throttlelens_node_cpu_utilization_cores", window=window)
                idle = samples.value("throttlelens_node_cpu_idle_ratio", window=window)
                candidates = self.could_be(before, after, factor)
                if busy is None:
                    self.assertTrue(self.may_be_absent(candidates, factor), window)
                    continue
                self.assertIsNotNone(idle)
                self.assertTrue(0 <= idle <= 1, idle)
                self.assertLessEqual(busy + idle * cpus, cpus * 1.02)
                least = min(sum(record.window(i, factor)[0] - record.window(i, factor)[1]
                                for name, record in self.records.items() if name != "pod")
                            for i in candidates) / (factor * WINDOW_NS)
                self.assertGreaterEqual(busy, least - 0.01 * cpus)
            kernel = [self.node_clock.window(i) for i in candidates]  # of 5 s, the last above
            if busy is None or None in kernel:
                continue
            compared += 1
            opinions = []
            for k_idle, taken, doubt in kernel:
                delta = 0.03 + doubt / 5
                opinions.append(
                    abs(idle - k_idle / 5 / cpus) <= delta
                    and cpus - (k_idle + taken) / 5 - delta * cpus <= busy
                    <= cpus - k_idle / 5 + delta * cpus)
            self.assertTrue(any(opinions), f"idle {idle}, busy {busy}; /proc/stat says (idle, "
                                           f"taken, doubt) in CPU seconds of 5 s: {kernel}")
        self.assertGreater(compared, 10)

    def test_infos(self):
        samples = self.stored()
        version = command("version")
        (build, one), = samples.rows("throttlelens_build_info")
        self.assertEqual(one, 1)
        self.assertEqual(set(build), {"version", "commit", "libbpf", "compiler"})
        self.assertEqual(version.splitlines()[0], f"throttlelens {build['version']}")
        for label in ("commit", "libbpf", "compiler"):
            self.assertRegex(version, rf"(?m)^{label}: +{re.escape(build[label])}$")
        (probe, one), = samples.rows("throttlelens_probe_info")
        self.assertEqual(one, 1)
        self.assertEqual(probe, {"tier": "bpf", "kernel": os.uname().release,
                                 "cgroup_mode": self.hierarchies.mode})

    def test_losses(self):
        samples = self.stored()
        lost = samples.value("throttlelens_probe_lost_switches_total")
        self.assertLessEqual(samples.value("throttlelens_probe_recovered_switches_total"), lost)
        # A machine too busy to run the daemon for 200 ms loses windows, but never most of them.
        self.assertLess(self.missed, 30)
        self.assertEqual(samples.value("throttlelens_probe_dropped_cgroups_total"), 0)
        self.assertEqual(samples.value("throttlelens_series_dropped_total"), 0)

    def test_probe_run_time(self):
        """What the kernel counts of the program, as long as it is told to count."""
        need_tool("bpftool", "bpftool")
        metric = "throttlelens_probe_run_seconds_total"
        value = lambda: self.daemon.metrics(self.top.path).value(metric)
        was_on = count_run_time(True)
        if not was_on:
            cleanup.at_end(lambda: count_run_time(False))
            self.addCleanup(count_run_time, False)
        until(lambda: value() is not None, f"{metric} being there")
        for _ in range(5):
            before = self.run_seconds()
            # The answer may hold the snapshot before, so the first of them are too small.
            until(lambda: (value() or 0) >= before, f"{metric} reaching {before}")
            self.assertLessEqual(value(), self.run_seconds())
        began = self.run_seconds()
        self.assertGreater(began, 0)

        def check(samples):
            stored = samples.value(metric)
            self.assertGreaterEqual(stored, began)
            self.assertLessEqual(stored, self.run_seconds())
        self.compare(check)
        if not was_on:
            count_run_time(False)
            # What no longer counts is not shown as if it did.
            until(lambda: value() is None, f"{metric} being absent")

    def run_seconds(self):
        """As bpftool has it, of the daemon's program on sched_switch."""
        ids = bpf_programs(self.daemon.pid)
        done = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, check=True,
                              timeout=60)
        found = [one for one in json.loads(done.stdout)
                 if one["id"] in ids and one.get("name") == "tl_switch"]
        self.assertEqual(len(found), 1)
        return found[0].get("run_time_ns", 0) / 1e9

    def test_process(self):
        """A stored sample lies between two readings of /proc around its scrape."""
        slack = {
            "process_cpu_seconds_total": (proc.cpu_seconds, 0.03),
            # The kernel's quick count may be off by some pages per thread and CPU.
            "process_resident_memory_bytes": (proc.resident_bytes, 2 << 20),
            # An answer being made is mapped and unmapped.
            "process_virtual_memory_bytes": (proc.virtual_bytes, 8 << 20),
            "process_open_fds": (proc.open_fds, 4),
            "process_max_fds": (proc.max_fds, 0),
            "process_start_time_seconds": (proc.start_time, 0.01),
        }
        earlier = {metric: read(self.daemon.pid) for metric, (read, _) in slack.items()}
        began = time.time()
        self.prometheus.wait_for_scrape(began)
        for metric, (read, delta) in slack.items():
            later = read(self.daemon.pid)
            value = [v for at, v in self.prometheus.history(f"{metric}[10s]") if at > began][0]
            self.assertGreaterEqual(value, min(earlier[metric], later) - delta, metric)
            self.assertLessEqual(value, max(earlier[metric], later) + delta, metric)

    def test_clean_for_promtool(self):
        self.assertEqual(promtool_complaints(self.daemon.metrics_text()), "")

    def test_scrapes_were_good(self):
        self.prometheus.wait_for_scrape()
        target = self.prometheus.target()
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        ups = [value for _, value in self.prometheus.history("up[5m]")]
        self.assertGreater(len(ups), 10)
        self.assertEqual(set(ups), {1.0})
        # honor_labels: nothing of ours clashed with a label of Prometheus.
        self.assertEqual(self.prometheus.query('{__name__=~".+",exported_job=~".+"}'), [])

    def test_series_budget(self):
        own = 0
        for name, metric in catalogue().items():
            labels = metric["labels"]
            if "cgroup" not in labels and not is_about_containers(name) and not is_about_costs(name):
                own += len(LENGTHS) if "window" in labels else 1
        shown = {}
        for name, labels in self.prometheus.latest():
            if path := dict(labels).get("cgroup"):
                shown.setdefault(path, []).append(name)
        limited = {path for path, names in shown.items() if PREFIX + "cfs_periods_total" in names}
        for path, names in shown.items():
            calm, most = (40, 81) if path in limited else (12, 43)
            self.assertLessEqual(len(names), most, path)
            durations = [name for name in names if re.search("wait_duration|episode", name)]
            waits_for_quota = PREFIX + "throttled_while_idle_seconds_total" in names
            self.assertLessEqual(len(names) - len(durations), calm + 2 * waits_for_quota, path)
        for cgroup in self.cgroups.values():
            self.assertEqual(cgroup.path in limited, cgroup.limit_cores() is not None, cgroup.path)
        # Others may make cgroups between the two questions, and have containers.
        stored = (self.prometheus.number("scrape_samples_scraped")
                  - sum(is_about_containers(name) or is_about_costs(name)
                        for name, _ in self.prometheus.latest()))
        self.assertLess(stored, own + 12 * 20 + sum(map(len, shown.values())) + 1)


class Adversity(Scenario):
    """Readers that do not read, a daemon that is stopped, and the end."""

    target_labels = {}
    @classmethod
    def before_start(cls):
        cls.programs_before = bpf_objects()
        cls.pins_before = pinned()

    def stuck_readers(self):
        """20 that ask and never read, and 8 that read a byte at a time. Until closed."""
        sockets = []
        for _ in range(28):
            client = socket.socket()
            self.addCleanup(client.close)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", self.daemon.port))
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            sockets.append(client)
        stop = threading.Event()

        def trickle():
            while not stop.wait(0.05):
                for client in sockets[20:]:
                    try:
                        client.recv(1, socket.MSG_DONTWAIT)
                    except OSError:
                        pass
        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()

        def close():
            stop.set()
            thread.join()
            for client in sockets:
                client.close()
        self.addCleanup(close)
        return close

    def test_1_stuck_readers_hold_nobody_up(self):
        load = self.load(self.top.child("beside"), "--threads", "2", "--busy", "9ms",
                         "--idle", "1ms", "--duration", "0")
        attempts = []
        # A machine with more to do than it can may lose windows by itself: the best of three.
        while len(attempts) < 3 and 0 not in attempts:
            missed = self.missed_windows()
            close = self.stuck_readers()
            slowest = 0.0
            end = time.monotonic() + 5
            while time.monotonic() < end:
                began = time.monotonic()
                self.daemon.metrics_text()
                slowest = max(slowest, time.monotonic() - began)
            close()
            grown = self.missed_windows() - missed
            attempts.append(grown if slowest < 1 else f"answered after {slowest:.1f} s")
        load.send(signal.SIGTERM)
        load.finish()
        self.assertIn(0, attempts, "windows missed while readers were stuck")
        self.prometheus.wait_for_scrape()
        self.assertEqual(self.prometheus.target()["health"], "up")

    def test_2_stopped_and_continued(self):
        cgroup = self.top.child("stopped")
        cgroup.limit(20_000)
        free = self.top.child("free")
        loads = [self.load(cgroup, "--threads", "2", "--duration", "0"),
                 self.load(free, "--duration", "0")]

        def running():
            samples = self.daemon.metrics(self.top.path)
            return all((samples.value(PREFIX + "utilization_cores", cgroup=c.path, window="100ms")
                        or 0) > 0 for c in (cgroup, free))
        until(running, "the loads in the metrics")
        missed = self.missed_windows()
        began = proc.mono()
        self.daemon.send(signal.SIGSTOP)
        end = time.monotonic() + 2
        until(lambda: time.monotonic() >= end, "two seconds")
        self.daemon.send(signal.SIGCONT)
        stopped = (proc.mono() - began) / WINDOW_NS
        until(lambda: self.missed_windows() > missed, "missed windows being counted")
        possible = proc.online_cpus() * 1.05

        # Nothing of the gap may end up in a window.
        for _ in range(5):
            samples = self.daemon.metrics()
            for metric in ("utilization_cores", "window_peak_cores"):
                for labels, value in samples.rows(PREFIX + metric):
                    self.assertLessEqual(value, possible, (metric, labels))
        grown = self.missed_windows() - missed
        # The last few windows are still known when the daemon comes back.
        self.assertGreaterEqual(grown, stopped - 5)
        self.assertLessEqual(grown, stopped + 2)
        for load in loads:
            load.send(signal.SIGTERM)
            load.finish()

        def check(samples):
            for one in (cgroup, free):
                self.assert_usage(samples, Row(one))
            self.assert_bandwidth(samples, Row(cgroup))
        self.compare(check)

    def test_3_ends_cleanly(self):
        self.stuck_readers()
        ours = {} if self.programs_before is None else bpf_objects(self.daemon.pid)
        began = time.monotonic()
        self.assertEqual(self.daemon.end(), 0, self.daemon.log())
        self.assertLess(time.monotonic() - began, 2)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.daemon.port), timeout=5).close()
        if self.programs_before is None:
            print("note: bpftool is not installed, so what is left in the kernel was not compared")
        else:
            mine = {key: name for key, name in ours.items() if key not in self.programs_before}
            self.assertTrue(any(kind == "prog" for kind, _ in mine), "no program was loaded?")
            # The kernel frees them a moment later.
            until(lambda: not set(mine) & set(bpf_objects()), lambda: f"{mine} being freed")
        self.assertEqual(os.listdir(self.daemon.left_here), [])
        self.assertEqual(pinned(), self.pins_before)


def bpf_objects(pid=None):
    """(kind, id) -> name of what is called tl_*; None without bpftool. With a process: only what
    is its own, if bpftool knows."""
    if not shutil.which("bpftool"):
        return None
    found = {}
    for kind in ("prog", "map"):
        done = subprocess.run(["bpftool", "-j", kind, "show"], capture_output=True, check=True,
                              timeout=60)
        for one in json.loads(done.stdout):
            owners = [owner["pid"] for owner in one.get("pids", [])]
            is_ours = pid is None or not owners or pid in owners
            if one.get("name", "").startswith("tl_") and is_ours:
                found[kind, one["id"]] = one["name"]
    return found


def count_run_time(on):
    """Whether the kernel did so until now."""
    path = "/proc/sys/kernel/bpf_stats_enabled"
    try:
        with open(path, encoding="utf-8") as file:
            was_on = file.read().strip() != "0"
        if was_on != on:
            with open(path, "w", encoding="utf-8") as file:
                file.write("1" if on else "0")
    except OSError as error:
        need(False, f"kernel.bpf_stats_enabled cannot be switched: {error}")
    return was_on


def bpf_programs(pid):
    """Ids of those the process holds."""
    ids = set()
    for entry in os.scandir(f"/proc/{pid}/fdinfo"):
        try:
            with open(entry.path, encoding="utf-8") as file:
                ids |= {int(line.split()[1]) for line in file if line.startswith("prog_id:")}
        except FileNotFoundError:
            pass
    return ids


def pinned():
    try:
        return sorted(os.listdir("/sys/fs/bpf"))
    except OSError:
        return []


class Lives(Scenario):
    """Cgroups that are made again, and names that nobody would choose."""

    target_labels = {}
    def run_in(self, cgroup, milliseconds):
        self.load(cgroup, "--duration", f"{milliseconds}ms").finish()

    def test_made_again_under_the_same_name(self):
        cgroup = self.top.child("again")
        self.run_in(cgroup, 1500)
        self.compare(lambda samples: self.assert_usage(samples, Row(cgroup)))
        before = cgroup.usage()
        self.assertGreater(before, 0.3)
        cgroup.remove()
        cgroup.make()
        self.run_in(cgroup, 200)
        after = cgroup.usage()
        self.assertLess(after, before)
        self.compare(lambda samples: self.assert_usage(samples, Row(cgroup)))

        selector = f'{PREFIX}usage_seconds_total{{cgroup="{cgroup.path}"}}'
        self.assertEqual(self.prometheus.number(f"count({selector})"), 1)
        self.assertEqual(self.prometheus.number(f"resets({selector}[2m])"), 1)
        # All of both lives is counted, and nothing twice: it began at 0 and fell once.
        values = [value for _, value in self.prometheus.history(selector + "[2m]")]
        rise = sum(b - a if b >= a else b for a, b in zip([0.0, *values], values))
        self.assertAlmostEqual(rise, before + after, delta=0.002)

    def test_limits_that_change(self):
        cgroup = self.top.child("limits")

        def check(samples):
            self.assertEqual(samples.value(PREFIX + "limit_cores", cgroup=cgroup.path),
                             cgroup.limit_cores())
        for quota, period in ((50_000, 100_000), (30_000, 20_000)):
            cgroup.limit(quota, period)
            self.run_in(cgroup, 300)
            self.compare(check)
        cgroup.clear_limit()
        self.compare(check)
        # What was counted until then stays.
        self.compare(lambda samples: self.assert_bandwidth(samples, Row(cgroup)))
        self.assertGreater(cgroup.bandwidth()["cfs_periods_total"], 0)

    def test_hostile_names(self):
        plain = ['quote"back\\slash', "} 1\t# HELP x y", "n" * 255, "ü€𝄞"]
        odd = {b"\xff\xfe{}": "\\xff\\xfe{}", b"\xc3\x28" + b"\xed\xa0\x80" * 80: "\\xc3("}
        cgroups = [self.top.child(name) for name in (*plain, *odd)]
        try:
            cgroups.append(self.top.child("new\nline"))
        except OSError as error:
            print(f"note: this kernel refuses a newline in a cgroup's name ({error.strerror})")
        loads = [self.load(cgroup, "--duration", "300ms") for cgroup in cgroups]
        for load in loads:
            load.finish()

        def check(samples):
            shown = {labels["cgroup"]: value
                     for labels, value in samples.rows(PREFIX + "usage_seconds_total")}
            for cgroup in cgroups:
                name = os.path.basename(cgroup.raw)
                if name in odd:
                    start = f"{self.top.path}/{odd[name]}"
                    found = [label for label in shown
                             if label.startswith(start) and re.search(r"~[0-9a-f]{16}$", label)]
                    self.assertEqual(len(found), 1, f"{name!r} in {sorted(shown)}")
                else:
                    found = [cgroup.path]
                    self.assertIn(cgroup.path, shown)
                self.assertAlmostEqual(shown[found[0]], cgroup.usage(), delta=0.001)
        self.compare(check)
        text = self.daemon.metrics_text()
        self.assertEqual(promtool_complaints(text), "")
        check(exposition.parse(text))
        self.assertEqual(self.prometheus.target()["lastError"], "")


class Cpustat(Scenario):
    """Where BPF is not permitted: no waits and no causes, but the same totals."""

    target_labels = {}
    config = CPUSTAT
    tier = "cpustat"
    reason = "probe.mode is cpustat"

    @classmethod
    def prepare(cls):
        cls.hog, cls.pulse, cls.pod = (cls.top.child(name) for name in ("hog", "pulse", "pod"))
        cls.container = cls.pod.child("container")
        cls.hog.limit(20_000)
        cls.pod.limit(10_000)
        loads = [cls.load(cls.hog, "--threads", "2", "--duration", "4s"),
                 cls.load(cls.pulse, "--busy", "7ms", "--idle", "3ms", "--duration", "4s"),
                 cls.load(cls.container, "--duration", "4s")]
        for load in loads:
            load.finish()

    def test_usage(self):
        def check(samples):
            for cgroup in (self.hog, self.pulse, self.pod, self.container, self.top):
                self.assert_usage(samples, Row(cgroup))
        self.compare(check)

    def test_bandwidth(self):
        def check(samples):
            for row in (Row(self.hog), Row(self.pod)):
                self.assert_limit(samples, row)
                self.assert_bandwidth(samples, row)
        self.compare(check)
        self.assertGreater(self.hog.bandwidth()["cfs_throttled_periods_total"], 0)
        self.assertGreater(self.pod.bandwidth()["cfs_throttled_periods_total"], 0)

    def test_what_the_tier_cannot_know_is_absent(self):
        samples = self.stored()
        for cgroup in (self.pulse, self.container):
            self.assert_no_limit(samples, Row(cgroup))
        (probe, one), = samples.rows("throttlelens_probe_info")
        self.assertEqual((probe["tier"], one), ("cpustat", 1))
        self.assertIn(self.reason, probe["reason"])
        exposed = {name for name, _ in samples}
        for name, metric in catalogue().items():
            if "cpustat" not in metric["tiers"].split(", "):
                self.assertNotIn(name, exposed)
        for name in ("throttlelens_node_cpu_idle_ratio", "throttlelens_probe_lost_switches_total"):
            self.assertNotIn(name, exposed)
        self.assertIn("throttlelens_node_cpu_utilization_cores", exposed)

    def test_few_descriptors(self):
        """It says once that it cannot keep all files open, and goes on with right numbers."""
        many = self.top.child("many")
        for i in range(60):
            many.child(str(i))
        need_tool("prlimit", "util-linux")
        daemon = Daemon(self.binary(), self.config, ["prlimit", "--nofile=48:48", *self.prefix])
        samples = daemon.metrics(self.top.path)
        for cgroup in (self.hog, self.pod, self.container):
            self.assert_usage(samples, Row(cgroup))
        self.assertEqual(samples.value(PREFIX + "usage_seconds_total", cgroup=many.path + "/59"), 0)
        self.assertEqual(daemon.end(), 0)
        self.assertEqual(len(re.findall("warning: .*LimitNOFILE", daemon.log())), 1, daemon.log())

    def test_clean_for_promtool(self):
        self.assertEqual(promtool_complaints(self.daemon.metrics_text()), "")
        self.prometheus.wait_for_scrape()
        self.assertEqual({value for _, value in self.prometheus.history("up[5m]")}, {1.0})


class CpustatUnprivileged(Cpustat):
    """The same as a user who may do nothing, and without being told to."""

    config = None
    prefix = NOBODY
    reason = "CAP_BPF"

    @classmethod
    def binary(cls):
        # The user may not be able to reach the build folder.
        folder = cleanup.folder(0o755)
        return shutil.copy(throttlelens(), folder)


if __name__ == "__main__":
    sys.exit(main(__doc__))
