#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The test bed: its pods are what was asked for, and nothing of it is left behind.

usage: testbed_test.py TL_LOAD [unittest arguments]
"""

import contextlib
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
import testbed  # it leads to the modules below
import cleanup
from deadline import until
from load import Record
from process import Process

LOAD = ""
TESTBED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testbed.py")
HOG = ["tl_load", "--busy", "10ms", "--idle", "10ms", "--duration", "0"]


def read(path, mode="r"):
    with open(path, mode) as file:  # pylint: disable=unspecified-encoding
        return file.read()


def left_of(*names):
    """Processes, mounts, cgroups and folders with one of these names in them."""
    pattern = re.compile("|".join(map(re.escape, names)))
    found = [mount + name for mount in testbed.cgroup_mounts() for name in names
             if name[0] == "/" and os.path.exists(mount + name)]
    found += [line for line in read("/proc/self/mountinfo").splitlines() if pattern.search(line)]
    found += [os.path.join(folder, entry) for folder in (tempfile.gettempdir(), "/run")
              for entry in os.listdir(folder) if pattern.search(entry)]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if read(f"/proc/{pid}/stat", "rb").rpartition(b")")[2].split()[0] == b"Z":
                continue  # its parent has to take note of its end, and that is not ours
            said = read(f"/proc/{pid}/cgroup", "rb") + read(f"/proc/{pid}/cmdline", "rb")
            if int(pid) != os.getpid() and pattern.search(said.decode(errors="replace")):
                found.append(f"process {pid}: {said!r}")
    return found


def cgroup_of(pid, controller="cpu"):
    for line in read(f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(",") or controllers == "":
            return path
    raise AssertionError(f"{pid} has no cgroup for {controller}")


def shares(bed, cgroup):
    if bed.hierarchies.v2:
        return int(read(f"{bed.hierarchies.cpu}{cgroup}/cpu.weight"))
    return int(read(f"{bed.hierarchies.cpu}{cgroup}/cpu.shares"))


def as_shares(bed, value):
    return 1 + (value - 2) * 9999 // 262142 if bed.hierarchies.v2 else value


class Pods(unittest.TestCase):
    """One bed for all."""

    @classmethod
    def setUpClass(cls):
        testbed.need_test_bed()
        cls.bed = testbed.TestBed([LOAD])

    @classmethod
    def tearDownClass(cls):
        cls.bed.close()
        super().tearDownClass()

    def pod(self, name="web", **options):
        pod = self.bed.run_pod("shop", name, **options)
        self.addCleanup(lambda: pod in self.bed.pods and pod.remove())
        return pod

    def test_two_containers_have_what_they_asked_for(self):
        pod = self.pod(annotations={"example.org/team": "a"})
        app = pod.add("app", HOG, request=0.25, limit=0.5, env={"COLOUR": "blue"})
        side = pod.add("side", ["sleep", "1000"], limit=0.1)
        self.assertEqual([app.kernel.limit_cores(), side.kernel.limit_cores(),
                          pod.kernel.limit_cores()], [0.5, 0.1, 0.6])
        self.assertEqual([shares(self.bed, c.cgroup) for c in (app, side, pod)],
                         [as_shares(self.bed, value) for value in (256, 102, 358)])
        self.assertEqual(pod.cgroup,
                         f"{self.bed.root_cgroup}/kubepods/burstable/pod{pod.uid}")
        for container, comm in ((app, "tl_load"), (side, "sleep")):
            self.assertTrue(container.running())
            self.assertRegex(container.id, "^[0-9a-f]{64}$")
            self.assertEqual(read(f"/proc/{container.pid}/comm").strip(), comm)
            self.assertEqual(cgroup_of(container.pid), f"{pod.cgroup}/{container.id}")
        self.assertEqual(cgroup_of(pod.pid), f"{pod.cgroup}/{pod.sandbox_id}")
        self.assertEqual(app.exec(["sh", "-c", "echo $COLOUR"]), (0, "blue\n"))
        self.assertEqual(pod.status().annotations["example.org/team"], "a")
        until(lambda: app.kernel.usage() > 0.1, "the load works")
        # What a reader of the state directory finds.
        spec = json.loads(read(os.path.join(app.bundle, "config.json")))
        for key, value in {"sandbox-namespace": "shop", "sandbox-name": "web",
                           "container-name": "app", "container-type": "container",
                           "sandbox-id": pod.sandbox_id}.items():
            self.assertEqual(spec["annotations"]["io.kubernetes.cri." + key], value)
        self.assertEqual(spec["linux"]["cgroupsPath"], app.cgroup)

    def test_one_without_a_limit_leaves_the_pod_without(self):
        pod = self.pod("api")
        pod.add("app", ["sleep", "1000"], request=0.1, limit=0.2)
        self.assertEqual(pod.kernel.limit_cores(), 0.2)
        free = pod.add("free", ["sleep", "1000"], request=0.1)
        self.assertIsNone(free.kernel.limit_cores())
        self.assertIsNone(pod.kernel.limit_cores())
        free.remove()
        self.assertEqual(pod.kernel.limit_cores(), 0.2)

    def test_levels(self):
        for qos, folder in (("guaranteed", ""), ("besteffort", "/besteffort")):
            pod = self.pod(qos, qos=qos, uid=f"{qos}-uid")
            self.assertEqual(pod.cgroup, f"{self.bed.root_cgroup}/kubepods{folder}/pod{qos}-uid")
            self.assertTrue(os.path.isdir(pod.folder))
        self.assertEqual(shares(self.bed, os.path.dirname(pod.cgroup)), as_shares(self.bed, 2))

    def test_exec(self):
        app = self.pod("exec").add("app", ["sleep", "1000"])
        self.assertEqual(app.exec(["sh", "-c", "echo out; echo err >&2; exit 3"]),
                         (3, "out\nerr\n"))

    def test_the_load_tells_what_it_used(self):
        app = self.pod("load").add("app", ["tl_load", "--busy", "10ms", "--duration", "300ms"])
        self.assertEqual(app.wait(), 0)
        used = Record(json.loads(app.log())).cpu_ns
        status = app.status()
        self.assertTrue(0 < used <= status.finished_at - status.started_at, used)

    def test_burst(self):
        if not testbed.Existing(self.bed.hierarchies, self.bed.root_cgroup).has_burst():
            self.skipTest("this kernel knows no burst")
        app = self.pod("burst").add("app", ["sleep", "1000"], limit=0.5, burst_us=20_000)
        name = "cpu.max.burst" if self.bed.hierarchies.v2 else "cpu.cfs_burst_us"
        self.assertEqual(read(os.path.join(app.folder, name)), "20000\n")

    def test_restart(self):
        pod = self.pod("restart")
        app = pod.add("app", ["sleep", "1000"], limit=0.3)
        before = app.id, app.pid, app.folder
        app.restart()
        self.assertNotEqual(before[:2], (app.id, app.pid))
        self.assertFalse(os.path.exists(before[2]))
        self.assertEqual(app.kernel.limit_cores(), 0.3)
        self.assertEqual(app.status().metadata.attempt, 1)
        self.assertEqual(cgroup_of(app.pid), f"{pod.cgroup}/{app.id}")

    def test_update(self):
        pod = self.pod("update")
        app = pod.add("app", ["sleep", "1000"], request=0.1, limit=0.2)
        pod.add("side", ["sleep", "1000"], limit=0.1)
        for limit, of_pod in ((0.7, 0.8), (0.05, 0.15), (0, None), (0.4, 0.5)):
            app.update(limit=limit)
            self.assertEqual(app.kernel.limit_cores(), limit or None)
            self.assertEqual(pod.kernel.limit_cores(), of_pod)
        app.update(request=0.2)
        self.assertEqual(shares(self.bed, app.cgroup), as_shares(self.bed, 204))
        self.assertEqual(app.kernel.limit_cores(), 0.4)

    def test_stop_and_remove(self):
        pod = self.pod("gone")
        app = pod.add("app", ["sleep", "1000"])
        pid = app.pid
        app.stop()
        self.assertFalse(app.running())
        self.assertFalse(os.path.exists(f"/proc/{pid}/root/bin"))
        pod.remove()
        for mount in testbed.cgroup_mounts():
            self.assertFalse(os.path.exists(mount + pod.cgroup), mount)

    def test_plain_containers(self):
        plain = self.bed.run_plain("lonely", HOG, limit=0.3, containerd_namespace="moby")
        self.assertEqual(plain.cgroup, f"{self.bed.root_cgroup}/moby/lonely")
        self.assertEqual(cgroup_of(plain.pid), plain.cgroup)
        self.assertEqual(plain.kernel.limit_cores(), 0.3)
        self.assertEqual(plain.exec(["echo", "hello"]), (0, "hello\n"))
        placed = self.bed.run_plain("placed", ["echo", "done"], cgroup="elsewhere/x")
        self.assertEqual(placed.cgroup, f"{self.bed.root_cgroup}/elsewhere/x")
        until(lambda: placed.log() == "done\n", "its output")
        self.bed.remove_plain([plain, placed])
        self.assertFalse(os.path.exists(plain.folder))

    def test_many_at_once(self):
        wave = self.bed.each(lambda i: self.bed.run_plain(f"wave{i}", ["sleep", "1000"]), range(8))
        self.assertEqual(len({plain.pid for plain in wave}), 8)
        pods = self.bed.each(lambda i: self.pod(f"many{i}"), range(4))
        self.bed.each(lambda pod: pod.add("app", ["sleep", "1000"], limit=0.1), pods)
        self.bed.remove_plain(wave)
        self.assertEqual([os.path.exists(plain.folder) for plain in wave], [False] * 8)
        self.assertEqual([pod.kernel.limit_cores() for pod in pods], [0.1] * 4)

    def test_containers_outlive_containerd(self):
        app = self.pod("old").add("app", ["sleep", "1000"])
        plain = self.bed.run_plain("older", ["sleep", "1000"])
        before = self.bed.containerd_pid, app.pid, plain.pid
        self.bed.restart_containerd()
        self.assertNotEqual(self.bed.containerd_pid, before[0])
        self.assertEqual((app.pid, plain.pid), before[1:])
        self.assertTrue(app.running())
        self.assertEqual(app.exec(["echo", "still here"]), (0, "still here\n"))
        self.assertEqual(plain.exec(["echo", "me too"]), (0, "me too\n"))
        # Shims and containerd are where a service would be.
        self.assertEqual(cgroup_of(self.bed.containerd_pid),
                         f"{self.bed.root_cgroup}/system.slice/containerd.service")
        plain.remove()


class Ends(unittest.TestCase):
    """Whatever the end, nothing is left."""

    @classmethod
    def setUpClass(cls):
        testbed.need_test_bed()

    def names(self, bed):
        return os.path.basename(bed.folder), bed.root_cgroup, os.path.basename(bed.state_dir)

    def test_after_an_error(self):
        state = f"/run/tlbed-state-{os.getpid()}"
        with contextlib.suppress(ZeroDivisionError):
            with testbed.TestBed([LOAD], f"/tlbed-cgroup-{os.getpid()}", state) as bed:
                names = *self.names(bed)[:2], os.path.basename(state)
                app = bed.run_pod("shop", "web").add("app", HOG, limit=0.2)
                bed.run_plain("lonely", HOG)
                self.assertTrue(app.bundle.startswith(state))
                self.assertTrue(os.path.exists(os.path.join(app.bundle, "config.json")))
                self.assertTrue(app.cgroup.startswith(f"/tlbed-cgroup-{os.getpid()}/kubepods/"))
                self.assertTrue(left_of(*names))
                raise ZeroDivisionError
        self.assertEqual(left_of(*names), [])

    def test_what_is_there_is_not_ours(self):
        with testbed.TestBed() as bed:
            for options in ({"root_cgroup": bed.root_cgroup}, {"state_dir": bed.state_dir}):
                with self.assertRaises(FileExistsError):
                    testbed.TestBed(**options)
            self.assertTrue(bed.run_pod("shop", "web").pid)

    def test_frozen(self):
        with testbed.TestBed() as bed:
            names = self.names(bed)[:2]
            bed.run_plain("frozen", ["sleep", "1000"])
            bed.ctr("tasks", "pause", "frozen")
        self.assertEqual(left_of(*names), [])

    def up(self):
        """testbed.py in a process of its own, and the name of what it makes."""
        process = Process([sys.executable, "-B", TESTBED, "up", "--load", LOAD],
                          stdout=subprocess.PIPE)
        return process, f"tlbed-{process.pid}-"

    def there(self, name):
        folders = [entry for entry in os.listdir(tempfile.gettempdir()) if entry.startswith(name)]
        return folders and folders[0]

    def test_sigterm(self):
        process, name = self.up()
        until(lambda: b"Ctrl-C" in process.popen.stdout.readline(), "the table")
        folder = self.there(name)
        self.assertTrue(left_of("/" + folder))
        self.assertNotEqual(process.end(signal.SIGTERM), 0)
        self.assertEqual(left_of(folder, "/" + folder), [])

    def test_sigterm_while_it_starts(self):
        for landmark in ("made.json", "containerd.sock", "logs/shop_*"):
            process, name = self.up()
            folder = until(lambda n=name: self.there(n), "its folder")
            path = os.path.join(tempfile.gettempdir(), folder, landmark)
            until(lambda p=path: glob.glob(p), landmark)
            self.assertNotEqual(process.end(signal.SIGTERM), 0)
            self.assertEqual(left_of(folder, "/" + folder), [], process.log())

    def test_sigkill_and_the_next_sweep(self):
        process, name = self.up()
        until(lambda: b"Ctrl-C" in process.popen.stdout.readline(), "the table")
        folder = self.there(name)
        with testbed.TestBed() as living:
            process.end(signal.SIGKILL)
            self.assertTrue(any("process" in line for line in left_of("/" + folder)))
            swept = subprocess.run([sys.executable, "-B", TESTBED, "sweep"], check=True,
                                   capture_output=True, text=True).stdout
            self.assertIn(os.path.join(tempfile.gettempdir(), folder), swept.splitlines())
            self.assertEqual(left_of(folder, "/" + folder), [])
            self.assertTrue(living.run_pod("shop", "web").pid)

    def test_only_our_own_is_swept(self):
        with tempfile.TemporaryDirectory(prefix="tlbed-") as other:
            foreign = os.path.join(tempfile.gettempdir(), "tlbed-999999999-1-0")
            os.mkdir(foreign)
            try:
                os.chown(foreign, 65534, 65534)
                self.assertNotIn(foreign, testbed.sweep())
                self.assertTrue(os.path.isdir(foreign) and os.path.isdir(other))
            finally:
                os.rmdir(foreign)


def main():
    global LOAD  # pylint: disable=global-statement
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    LOAD = os.path.abspath(sys.argv.pop(1))
    cleanup.on_signals()
    result = unittest.main(verbosity=2, exit=False).result
    if result.wasSuccessful() and result.skipped and result.testsRun == 0:
        print(result.skipped[-1][1])
        return 77
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
