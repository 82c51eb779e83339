#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real daemon beside the real Podman, with both of the runtimes it may have.

usage: podman_test.py THROTTLELENS TL_LOAD [unittest arguments]
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "lib"),
                os.path.join(os.path.dirname(_HERE), "support", "testbed")]

# pylint: disable=wrong-import-position
import worker
from daemon import Daemon
from deadline import until_agreed
from last import Last
from needs import need_tool
from podman import Podman
from pods import CONTAINER, own
from scenario import Row, Scenario, load_program, main
from testbed import need_test_bed
from worker import Worker


class Containers(Scenario):
    """Their names, their numbers, their lives."""

    RUNTIMES = ("crun", "runc")

    @classmethod
    def before_start(cls):
        need_test_bed()
        for tool in ("podman", "conmon", *cls.RUNTIMES):
            need_tool(tool, tool)
        cls.podman = Podman(cls.hierarchies, f"/throttlelens-podman-{os.getpid()}",
                            [load_program()])
        cls.config = (f"runtimes: {{containerd: [], crio: [], docker: [], "
                      f"podman: [{cls.podman.root}]}}\nlimits: {{keep_ended: 2s}}\n")

    @classmethod
    def below(cls):
        return cls.podman.cgroup

    @classmethod
    def prepare(cls):
        cls.containers = [cls.podman.run(runtime, own("tl-web-" + runtime), worker.COMMAND,
                                         "--cpus", "0.1", "--cpu-shares", "512")
                          for runtime in cls.RUNTIMES]
        cls.rows = [Row(container.kernel, CONTAINER, container=container.name)
                    for container in cls.containers]
        cls.workers = list(map(Worker, cls.containers))

    def check_names(self, samples):
        infos = {labels["container"]: labels for labels, _ in samples.rows(
            "throttlelens_container_info") if labels["container"].endswith(own(""))}
        self.assertEqual(infos, {c.name: {"container": c.name, "container_id": c.id,
                                          "runtime": "podman"} for c in self.containers})

    def test_1_names(self):
        self.compare(self.check_names)
        # Nobody needs to be told where Podman is.
        daemon = Daemon(self.binary(), "runtimes: {podman: []}\n")
        until_agreed(lambda: self.check_names(daemon.metrics(self.below())))
        self.assertEqual(daemon.end(), 0)

    def test_2_values(self):
        for load in self.workers:
            load.tell("--duration", "2s", "--threads", "2")
        records = [load.finish() for load in self.workers]

        def check(samples):
            for row, record in zip(self.rows, records):
                self.assert_usage(samples, row, 1)
                self.assert_limit(samples, row)
                self.assert_bandwidth(samples, row)
                self.assertEqual(row.value(samples, "request_cores", source="shares"), 0.5)
                self.assertGreaterEqual(row.value(samples, "usage_seconds_total"),
                                        record.cpu_ns / 1e9)
        self.compare(check)
        for row in self.rows:
            self.assertEqual(row.cgroup.limit_cores(), 0.1)
            self.assertGreater(row.cgroup.bandwidth()["cfs_throttled_periods_total"], 0)

    def test_3_conmon_is_no_container(self):
        samples = self.scraped()
        paths = {labels["cgroup"]
                 for labels, _ in samples.rows("throttlelens_cgroup_cpu_usage_seconds_total")}
        conmon = self.podman.cgroup + "/conmon"
        with open(f"{self.hierarchies.cpu}{conmon}/cgroup.procs", encoding="utf-8") as file:
            self.assertEqual(len(file.read().split()), 2)
        self.assertIn(conmon, paths)
        self.assertFalse({row.cgroup.path for row in self.rows} & paths)
        named = {labels["container"] for labels, _ in samples.rows("throttlelens_container_info")}
        self.assertFalse([name for name in named if "conmon" in name])

    def test_4_restarted(self):
        for container, row, load in zip(self.containers, self.rows, self.workers):
            last = Last(row.cgroup)
            load.restart()
            last.wait()
            load.run("--duration", "300ms")
            self.compare(lambda samples, r=row, l=last: self.assert_same_use(
                r.value(samples, "usage_seconds_total"), l.usage() + r.cgroup.usage(), starts=2))
            self.assertEqual(container.kernel.path, row.cgroup.path)

    def test_5_removed(self):
        container, row = self.containers[0], self.rows[0]
        container.remove()
        self.containers.remove(container)
        self.compare(self.check_names)
        self.assertEqual(row.shown(self.scraped()), set())


if __name__ == "__main__":
    sys.exit(main(__doc__))
