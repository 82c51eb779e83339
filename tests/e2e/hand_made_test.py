#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real daemon and real cgroups, with files made by hand as a runtime, or an enemy, would have
left them.

usage: hand_made_test.py THROTTLELENS TL_LOAD [unittest arguments]
"""

import json
import os
import shutil
import signal
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "lib"),
                os.path.join(os.path.dirname(_HERE), "support", "testbed")]

# pylint: disable=wrong-import-position
import cleanup
import exposition
import proc
from deadline import until
from pods import CONTAINER, ENDED, POD, own
from process import Process
from prometheus import promtool_complaints
from scenario import Row, Scenario, main


class HandMade(Scenario):
    """Real cgroups, and files as a runtime would have left them."""

    more_config = ""

    @classmethod
    def before_start(cls):
        cls.state = cleanup.folder()
        cls.config = f"runtimes: {{containerd: [{cls.state}]}}\n" + cls.more_config

    @staticmethod
    def bundle(container, pod, namespace):
        """Of bytes as they are to stand between quotes."""
        return (b'{"annotations": {"io.kubernetes.cri.container-type": "container", '
                b'"io.kubernetes.cri.sandbox-namespace": "' + namespace + b'", '
                b'"io.kubernetes.cri.sandbox-name": "' + pod + b'", '
                b'"io.kubernetes.cri.container-name": "' + container + b'"}, "linux": {}}')

    @classmethod
    def container(cls, pod, config):
        """Its cgroup below that of the pod; `config` is the text of its file, None without one."""
        name = os.urandom(32).hex()
        folder = os.path.join(cls.state, "io.containerd.runtime.v2.task", "k8s.io", name)
        os.makedirs(folder)
        if config is not None:
            with open(os.path.join(folder, "config.json"), "wb") as file:
                file.write(config)
        return pod.child(name)


class Hostile(HandMade):
    """Names nobody would choose."""

    VALID = ['quote"back\\slash', "} 1\t# HELP x y", "new\nline", "ü€𝄞", "../../etc", "n" * 1000]
    # As they stand in the file, between the quotes.
    ODD = [b"\xff\xfe{}", b"\xc3(" + b"\xed\xa0\x80" * 80, b"\\ud800", b"\\u0000",
           b"n" * 4096, b"n" * 4095 + b"m", b"n" * 5000, b"\\\\xff\\\\xfe{}", b""]

    @classmethod
    def prepare(cls):
        cls.errors_before = cls.errors(cls.daemon.metrics())
        cls.names = [json.dumps(name)[1:-1].encode() for name in cls.VALID] + cls.ODD
        cls.pods = cls.top.child("kubepods").child("burstable")
        cls.cgroups = {}  # by id
        loads = []
        for number, name in enumerate(cls.names):
            # The names of namespaces and pods are as bad.
            at = cls.add(cls.bundle(name, cls.names[-number], cls.names[number // 2]))
            loads.append(cls.load(at, "--duration", f"{100 + 30 * number}ms"))
        for load in loads:
            load.finish()

    @classmethod
    def add(cls, config):
        made = cls.container(cls.pods.child(f"pod{os.urandom(8).hex()}"), config)
        cls.cgroups[os.path.basename(made.path)] = made
        return made

    @staticmethod
    def errors(samples):
        return {labels["source"]: value
                for labels, value in samples.rows("throttlelens_metadata_errors_total")}

    def check(self, samples):
        """Every container has one row of a name of its own, with its own counter."""
        found, names = {}, set()
        for labels, _ in samples.rows("throttlelens_container_info"):
            if labels["container_id"] in self.cgroups:
                self.assertNotIn(labels["container_id"], found)
                name = {key: labels[key] for key in ("namespace", "pod", "container")
                        if key in labels}
                self.assertNotIn(tuple(sorted(name.items())), names)
                names.add(tuple(sorted(name.items())))
                found[labels["container_id"]] = Row(None, CONTAINER, **name)
        self.assertEqual(set(found), set(self.cgroups))
        for container_id, row in found.items():
            kernel = self.cgroups[container_id].usage()
            self.assertAlmostEqual(row.value(samples, "usage_seconds_total"), kernel, delta=0.001)
        return found

    def test_names(self):
        self.compare(self.check)
        text = self.daemon.metrics_text()
        self.assertEqual(promtool_complaints(text), "")
        found = self.check(exposition.parse(text))
        shown = [row.labels["container"] for row in found.values()]
        for name in self.VALID:
            self.assertIn(name, shown)
        for name in shown:
            self.assertLessEqual(len(name.encode()), 1100)
            self.assertNotIn("\0", name)
        # What is no name leaves the id.
        ids = list(self.cgroups)[:len(self.names)]
        self.assertEqual(len(set(shown) & set(ids)), 2)
        self.assertTrue(all(line.isprintable() for line in self.daemon.log().splitlines()))
        self.daemon.get("/").decode()

    def test_errors(self):
        broken = [b"{", b"[]", b"", b'{"annotations": ' + b"[" * 1000, b" " * (5 << 20)]
        for config in broken:
            self.add(config)
        unknown = 2
        for _ in range(unknown):
            self.add(None)

        def check(samples):
            self.check(samples)
            grown = {source: value - self.errors_before.get(source, 0)
                     for source, value in self.errors(samples).items()}
            self.assertEqual((grown.get("containerd"), grown.get("none")), (len(broken), unknown))
        self.compare(check)
        self.assertRegex(self.daemon.log(), "warning: .*config.json")


class Churn(HandMade):
    """The same for thousands, made by hand."""

    more_config = "limits: {keep_ended: 500ms}\n"
    WAVES, EACH = 12, 250

    # Runs for a moment whenever it is told to go on.
    STEPS = "while :; do kill -STOP $$; i=0; while [ $i -lt 300 ]; do i=$((i + 1)); done; done"

    def is_ours(self, labels):
        """Of a container or a pod of ours."""
        return labels.get("namespace") == own("churn") and "pod" in labels

    def step_in(self, cgroup):
        """Who is moved while it runs would be counted to one or the other, so it is stopped."""
        cleanup.at_end(self.process.kill)  # before the cgroup goes that it is in
        until(lambda: proc.state(self.process.pid) == "T", "the process at rest")
        for procs in cgroup.procs_files().split(","):
            with open(procs, "w", encoding="utf-8") as file:
                file.write(str(self.process.pid))
        self.process.send(signal.SIGCONT)

    def wave(self, number):
        """Seconds that the kernel counted in its pods."""
        pods = {}
        for i in range(self.EACH):
            name = f"web-{number}-{i}"
            pods[name] = self.level.child(f"pod{number}-{i}")
            self.step_in(self.container(pods[name], self.bundle(
                b"app", name.encode(), own("churn").encode())))
        self.step_in(self.home)
        used = {name: pod.usage() for name, pod in pods.items()}

        def shown(samples):
            for prefix in (CONTAINER, POD):
                rows = {labels["pod"]: value for labels, value in samples.rows(
                    prefix + "usage_seconds_total") if self.is_ours(labels)}
                self.assertEqual(set(rows), set(used))
                for name, value in rows.items():
                    # To the nanosecond, which a double just about holds; v2 tells microseconds.
                    self.assertAlmostEqual(value, used[name], msg=name,
                                           delta=1.01e-6 if self.hierarchies.v2 else 1e-9)
        self.compare(shown)
        for pod in pods.values():
            pod.remove()
        shutil.rmtree(os.path.join(self.state, "io.containerd.runtime.v2.task"))
        self.compare(lambda samples: self.assertFalse(
            [labels for _, labels in samples if self.is_ours(dict(labels))]))
        return sum(used.values())

    def test_waves(self):
        self.level = self.top.child("kubepods").child("burstable")
        self.home = self.top.child("home")
        self.process = Process(["sh", "-c", self.STEPS])
        used, resident = 0.0, []
        before = proc.cpu_seconds(self.daemon.pid)
        for number in range(self.WAVES):
            used += self.wave(number)
            resident.append(proc.resident_bytes(self.daemon.pid))
            if number == self.WAVES // 2:  # windows of all lengths are over by now
                series, fds = self.series(), proc.open_fds(self.daemon.pid)
        cpu = (proc.cpu_seconds(self.daemon.pid) - before) * 1000 / (self.WAVES * self.EACH)
        print(f"\nnote: {cpu:.2f} ms of CPU for each of {self.WAVES * self.EACH} pods that came "
              f"and went; resident after each wave: {[size >> 10 for size in resident]} KiB")
        self.assertGreater(used, 0)
        self.compare(lambda samples: self.assertAlmostEqual(
            samples.value(ENDED, namespace=own("churn")), used, delta=0.001))
        self.assertEqual(self.series(), series)
        # Connections of scrapes are closed a moment later, and a counter of the few cgroups that
        # stay may be opened late; 1,500 pods that stayed open would be seen.
        until(lambda: proc.open_fds(self.daemon.pid) <= fds + 3, "descriptors being closed")
        # It finds its size in the first thousands; 2,500 pods that stayed would take far more.
        self.assertLess(resident[-1], resident[1] + (2 << 20))


if __name__ == "__main__":
    sys.exit(main(__doc__))
