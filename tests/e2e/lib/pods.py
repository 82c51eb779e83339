# SPDX-License-Identifier: Apache-2.0
"""Rows of containers and pods, and a daemon beside a test bed that has some."""

import os

from scenario import Row, Scenario, load_program
from testbed import Existing, TestBed, need_test_bed

CONTAINER, POD = "throttlelens_container_cpu_", "throttlelens_pod_cpu_"
ENDED = "throttlelens_ended_cpu_usage_seconds_total"


def own(name):
    """Of a namespace, or of a container without one: others may have test beds too."""
    return f"{name}-{os.getpid()}"


def container_row(container):
    return Row(container.kernel, CONTAINER, namespace=container.pod.namespace,
               pod=container.pod.name, container=container.name)


def plain_row(plain):
    return Row(plain.kernel, CONTAINER, container=plain.id)


def pod_row(pod):
    return Row(pod.kernel, POD, namespace=pod.namespace, pod=pod.name)


def sandbox(pod):
    return Existing(pod.bed.hierarchies, f"{pod.cgroup}/{pod.sandbox_id}")


class WithPods(Scenario):
    """A test bed of its own, that the daemon is told of."""

    more_config = ""

    @classmethod
    def before_start(cls):
        need_test_bed()
        cls.bed = TestBed([load_program()])
        cls.config = f"runtimes: {{containerd: [{cls.bed.state_dir}]}}\n" + cls.more_config

    @classmethod
    def below(cls):
        return cls.bed.root_cgroup

    def is_shown(self, *rows):
        def shown(samples):
            for row in rows:
                self.assertIsNotNone(row.value(samples, "usage_seconds_total"), row.name)
        self.compare(shown)

    def assert_sum(self, samples):
        """What the kernel's counter misplaces is still somewhere in the bed."""
        self.assert_usage(samples, Row(Existing(self.hierarchies, self.bed.root_cgroup)))

    def infos(self, samples):
        """Of our namespaces and names: (namespace, pod, container) -> all labels."""
        found = {}
        for labels, one in samples.rows("throttlelens_container_info"):
            key = tuple(labels.get(name) for name in ("namespace", "pod", "container"))
            if (key[0] or key[2]).endswith(own("")):
                self.assertEqual(one, 1)
                self.assertNotIn(key, found)
                found[key] = labels
        return found
