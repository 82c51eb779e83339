#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an average hides: four threads that are busy for 200 ms and asleep for 2 s, with and without
a limit of half of what they could use at once. The experiment is the one of Stiliadis, "Kubernetes
Scheduling and Timescales" (2020).

usage: multiplexing_test.py THROTTLELENS TL_LOAD [unittest arguments]

Prints the table of README.md
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

# pylint: disable=wrong-import-position
import proc
from deadline import until_agreed
from scenario import MOST, SECOND, Row, Scenario, main
from waits import Told

THREADS, BUSY, IDLE, BURSTS = 4, 0.2, 2.0, 6
CYCLE = BUSY + IDLE


class Result:
    """Of one cgroup: what each measure says of it."""

    def __init__(self, row, samples, record, seconds):
        told = Told(row, samples)
        self.limit = row.value(samples, "limit_cores")
        self.average = row.value(samples, "usage_seconds_total") / seconds
        self.busiest = {window: row.value(samples, "window_peak_cores", window=window)
                        for window in ("100ms", "5s")}
        self.quota_wait, self.idle = told.throttle, told.idle
        self.work = record.iterations / BURSTS

    def cells(self, of):
        def cores(value):
            return f"{value * 1000:.0f}m"
        return [cores(self.limit) if self.limit else "none", cores(self.average),
                cores(self.busiest["5s"]), cores(self.busiest["100ms"]), f"{self.quota_wait:.1f} s", f"{self.idle:.1f} s",
                f"{100 * self.work / of.work:.0f} %"]


def table(free, limited):
    """As markdown."""
    heads = ["limit", "average", "busiest 5 s", "busiest 100 ms", "wait for quota",
             "throttled while a CPU was idle", "work done"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "--:|" * len(heads)]
    for result in (free, limited):
        lines.append("| " + " | ".join(result.cells(free)) + " |")
    return "\n".join(lines)


class Bursts(Scenario):
    """Both take turns on one machine, so that both have the same neighbours."""

    @classmethod
    def before_start(cls):
        cls.stay_ahead()

    @classmethod
    def prepare(cls):
        cls.top.weigh(MOST)
        free, limited = (cls.top.child(name) for name in ("free", "limited"))
        # Half of what they could use.
        cls.limit = min(THREADS, proc.online_cpus()) / 2
        limited.limit(round(cls.limit * 100_000))
        start, busy = proc.mono() + SECOND // 2, proc.node_busy()
        loads = [cls.load(cgroup, "--threads", str(THREADS), "--busy", f"{BUSY}s",
                          "--idle", f"{IDLE}s", "--duration", f"{BURSTS * CYCLE}s",
                          "--start-at", str(start + int(turn * CYCLE / 2 * SECOND)))
                 for turn, cgroup in enumerate((free, limited))]
        records = [load.finish() for load in loads]
        cls.busy = (proc.node_busy() - busy) / (BURSTS * CYCLE * proc.online_cpus())

        def told():
            samples = cls.daemon.metrics(cls.below())
            for cgroup in (free, limited):
                value = Row(cgroup).value(samples, "usage_seconds_total")
                assert abs(value - cgroup.usage()) < 0.0005, (value, cgroup.usage())
            return samples
        samples = until_agreed(told)
        cls.free, cls.limited = (Result(Row(cgroup), samples, record, BURSTS * CYCLE)
                                 for cgroup, record in zip((free, limited), records))
        print("\n" + table(cls.free, cls.limited))

    def test_the_average_is_far_below_the_limit(self):
        self.assertIsNone(self.free.limit)
        self.assertEqual(self.limited.limit, self.limit)
        for result in (self.free, self.limited):
            self.assertLess(result.average, self.limit / 4)
            self.assertGreater(result.average, 0)

    def test_the_busiest_window_is_above_it(self):
        self.assertGreater(self.free.busiest["100ms"], 1.5 * self.limit)
        self.assertLess(self.free.busiest["5s"], self.limit)
        # A window of ours holds the ends of two periods.
        self.assertLess(self.limited.busiest["100ms"], self.free.busiest["100ms"] + 0.05)

    def test_the_limit_is_what_it_waits_for(self):
        self.assertEqual((self.free.quota_wait, self.free.idle), (0, 0))
        self.assertGreater(self.limited.quota_wait, 0.1 * BURSTS)
        if self.busy < 0.5:  # or others leave no CPU idle
            self.assertGreater(self.limited.idle, 0.01 * BURSTS)
        self.assertLess(self.limited.idle, self.limited.quota_wait)

    def test_less_work_is_done(self):
        self.assertLess(self.limited.work, 0.95 * self.free.work)


if __name__ == "__main__":
    sys.exit(main(__doc__))
