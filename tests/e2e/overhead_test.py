#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What pods cost beside what runs in them: what the real daemon tells of real shims, runc, pause and
conmon, held against the kernel's clocks of processes, its counters of cgroups, and the record of a
wrapper around runc.

usage: overhead_test.py THROTTLELENS TL_LOAD TL_METERED_RUNTIME [unittest arguments]

Numbers of 20 s are measured, or of as many as THROTTLELENS_SPAN says.
"""

import concurrent.futures
import csv
import io
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "lib"), os.path.join(os.path.dirname(_HERE), "support"),
                os.path.join(os.path.dirname(_HERE), "support", "testbed")]

# pylint: disable=wrong-import-position
import cleanup
import overhead
import proc
import snapshot_schema
import worker
from daemon import Daemon
from deadline import until, until_agreed
from needs import need_tool
from overhead import Books, Prober, Services, bound, clock, of_pod
from podman import Podman
from pods import WithPods, own, sandbox
from scenario import (START_DOUBT, Scenario, catalogue, command, is_about_costs, load_program, main,
                      throttlelens)
from testbed import Existing, TestBed, need_test_bed
from watcher import Watcher
from worker import Worker

SPAN = float(os.environ.get("THROTTLELENS_SPAN", "20"))
# A thread that runs is charged at the kernel's ticks, and when it is asked for by clock().
TICK = 0.010
# The kernel's own sums of a process lack what its threads run after they were told to be over.
LAST_SLICES = 0.001
FOREVER = ["sleep", "1000000"]
METERED = os.path.abspath(sys.argv.pop(3)) if len(sys.argv) > 3 else None


class Costs(WithPods):
    """A test bed, the accounts of it, and looks at both of them."""

    more_config = ""

    @classmethod
    def before_start(cls):
        need_test_bed()
        cls.bed = cls.make_bed()
        cls.config = f"runtimes: {{containerd: [{cls.bed.state_dir}]}}\n" + cls.more_config

    @classmethod
    def make_bed(cls):
        return TestBed([load_program()])

    @classmethod
    def prepare(cls):
        cls.services = Services(cls.bed)
        cls.books = Books(cls.services, cls.scraped_now)

    @classmethod
    def scraped_now(cls):
        return cls.daemon.metrics(cls.below())

    @classmethod
    def balanced(cls, moves=0):
        """Nothing is missed, nothing counted twice, once nothing passes by. Returns what the kernel
        counted and the difference. `moves`: how often a runtime started something."""
        def check():
            assert not (passing := cls.services.passing()), f"still there: {passing}"
            told, least, most, samples = cls.books.read()
            assert samples.value(overhead.LOST) == 0, f"lost: {samples.value(overhead.LOST)}"
            assert abs(told - least) <= bound(least, moves), f"told: {told} s; the kernel: {least} s"
            return told, least, most
        told, least, most = until_agreed(check)
        assert told <= most + bound(most, moves), f"told: {told} s; the kernel: {most} s"
        return least, told - least

    @classmethod
    def whole(cls, moves=0):
        """All that ran in the bed is told once, as a pod's own time or as what it costs, whatever
        was moved. For beds at rest. Returns both accounts."""
        def check():
            told, kernel = cls.books.read_whole()
            doubt = max(0.002 * kernel, 0.005) + moves * overhead.MOVE_DOUBT
            assert abs(told - kernel) <= doubt, f"told: {told} s; the kernel: {kernel} s"
            return told, kernel
        return until_agreed(check)

    @classmethod
    def shim_of(cls, pod):
        return until(lambda: cls.services.shims().get(pod.sandbox_id), f"the shim of {pod.name}")

    def assert_between(self, value, least, most, what):
        self.assertIsNotNone(value, what)
        self.assertGreaterEqual(value, least - TICK, what)
        self.assertLessEqual(value, most + LAST_SLICES, what)


class Look:
    """What is told of pods, and what the kernel says right before and after that."""

    def __init__(self, costs, pods):
        self.shims = {pod.name: costs.shim_of(pod) for pod in pods}
        self.containerds = [pid for pid in overhead.processes("containerd")
                            if overhead.comm(pid) == "containerd"]
        self.least = self._clocks()
        self.at = proc.mono()
        self.samples = costs.scraped_now()
        self.most = self._clocks()
        self.told = {(pod.name, component): of_pod(self.samples, pod, component)
                     for pod in pods for component in overhead.COMPONENTS}
        self.pause = {pod.name: sandbox(pod).usage() for pod in pods}

    def _clocks(self):
        clocks = {name: clock(pid) for name, pid in self.shims.items()}
        clocks[None] = sum(map(clock, self.containerds))
        return clocks


class Pods(Costs):
    """Idle pods, pods with an exec probe each second, and busy ones."""

    IDLE, PROBED, BUSY = 10, 10, 5

    @classmethod
    def prepare(cls):
        super().prepare()

        def make(name):
            pod = cls.bed.run_pod(own("costs"), name)
            pod.add("app", worker.COMMAND if name.startswith("busy") else FOREVER, request=0.05)
            return pod
        names = [f"{kind}-{i}" for kind, count in (("idle", cls.IDLE), ("probed", cls.PROBED),
                                                   ("busy", cls.BUSY)) for i in range(count)]
        cls.pods = cls.bed.each(make, names)
        cls.moves = 3 * len(names)
        cls.balanced(cls.moves)
        cls.before = until(cls.all_started, "what started the shims being told")
        busy = [Worker(pod.containers[0]) for pod in cls.pods if "busy" in pod.name]
        for load in busy:
            load.tell("--busy", "5ms", "--idle", "45ms", "--duration", f"{SPAN:.0f}s")
        pool = concurrent.futures.ThreadPoolExecutor(cls.PROBED)
        probers = [Prober(pool, pod.containers[0]) for pod in cls.pods if "probed" in pod.name]
        overhead.elapse(SPAN)
        for prober in probers:
            prober.stop()
        cls.probes = {f"probed-{i}": prober.finish() for i, prober in enumerate(probers)}
        for load in busy:
            load.finish()
        cls.moves += sum(cls.probes.values())
        cls.kernel, cls.difference = cls.balanced(cls.moves)
        cls.after = Look(cls, cls.pods)
        cls.seconds = (cls.after.at - cls.before.at) / 1e9
        cls.show()

    @classmethod
    def all_started(cls):
        """A look at all pods, unless of one there is still to be told what started its shim and
        ended: the kernel frees it a moment later."""
        look = Look(cls, cls.pods)
        return all(look.told[pod.name, "shim"] > look.most[pod.name] + LAST_SLICES
                   for pod in cls.pods) and look

    @classmethod
    def show(cls):
        print(f"\nnote: {cls.seconds:.1f} s; told - kernel, of all that ran in the cgroup of "
              f"containerd: {cls.difference * 1000:+.1f} of {cls.kernel * 1000:.0f} ms; "
              f"{sum(cls.probes.values())} probes")
        for kind in ("idle", "probed", "busy"):
            pods = [pod.name for pod in cls.pods if pod.name.startswith(kind)]
            parts = []
            for component in ("shim", "runc", "pause"):
                used = sum((cls.after.told[name, component] or 0)
                           - (cls.before.told[name, component] or 0) for name in pods)
                parts.append(f"{component} {used * 1000 / len(pods) / cls.seconds:.3f}")
            print(f"note: ms of CPU per {kind} pod and second:", ", ".join(parts))

    def delta(self, pod, component):
        before, after = (look.told[pod.name, component] for look in (self.before, self.after))
        return (after or 0) - (before or 0)

    def assert_delta(self, value, key, what):
        before, after = self.before, self.after
        self.assert_between(value, after.least[key] - before.most[key],
                            after.most[key] - before.least[key] + TICK, what)
        # That was no wide gap.
        self.assertAlmostEqual(value, after.least[key] - before.least[key],
                               delta=bound(after.least[key] - before.least[key]) + TICK, msg=what)

    def test_all_metrics_are_compared(self):
        self.assertEqual({name for name in catalogue() if is_about_costs(name)},
                         {overhead.CPU, overhead.MEMORY, overhead.NODE, overhead.SERVICE,
                          overhead.SERVICE_MEMORY, overhead.LOST})

    def test_shims(self):
        self.assertEqual(self.before.shims, self.after.shims)
        for pod in self.pods:
            self.assert_delta(self.delta(pod, "shim"), pod.name, pod.name)
            # In all: that one, and the one that started it and ended.
            self.assertGreater(self.after.told[pod.name, "shim"], self.after.least[pod.name] - TICK)
        self.assertGreater(self.delta(self.pods[self.IDLE], "shim"), 0)

    def test_pause(self):
        for pod in self.pods:
            for look in self.before, self.after:
                self.assertAlmostEqual(look.told[pod.name, "pause"], look.pause[pod.name],
                                       delta=START_DOUBT, msg=pod.name)
            self.assertAlmostEqual(self.delta(pod, "pause"),
                                   self.after.pause[pod.name] - self.before.pause[pod.name],
                                   delta=1e-5, msg=pod.name)
            self.assertGreater(self.after.pause[pod.name], 0)

    def test_runc(self):
        """Of the probed; of others nothing, once they were made."""
        for pod in self.pods:
            if pod.name in self.probes:
                self.assertGreater(self.probes[pod.name], SPAN / 8)
                self.assertGreater(self.delta(pod, "runc"), 0.001 * self.probes[pod.name])
            else:
                self.assertEqual(self.delta(pod, "runc"), 0, pod.name)
            self.assertIsNone(self.after.told[pod.name, "conmon"])

    def test_services(self):
        value = [look.samples.value(overhead.SERVICE, service="containerd")
                 for look in (self.before, self.after)]
        if self.before.containerds == self.after.containerds:
            self.assert_delta(value[1] - value[0], None, "containerd")
        else:  # others have test beds too
            self.assertGreater(value[1], value[0])
        samples = self.scraped()
        least, samples, most = clock(self.daemon.pid), self.scraped(), clock(self.daemon.pid)
        self.assert_between(samples.value(overhead.SERVICE, service="throttlelens"), least, most,
                            "throttlelens")

    def test_all_that_ran(self):
        """The kernel's counter of the cgroup that containerd, shims and runc are in."""
        least, difference = self.balanced(self.moves)
        self.assertLessEqual(abs(difference), bound(least, self.moves))
        self.assertGreater(least, 1)
        told, kernel = self.whole(self.moves)
        print(f"\nnote: all the bed: told - kernel {(told - kernel) * 1000:+.1f} of "
              f"{kernel * 1000:.0f} ms")

    def test_node(self):
        foreign = [pid for pid in overhead.processes("containerd-shim")
                   if pid not in self.after.shims.values()]
        for component in ("shim", "runc"):
            value = self.after.samples.value(overhead.NODE, component=component)
            ours = overhead.total(self.after.samples, component)
            if foreign:
                self.assertGreaterEqual(value, ours - 1e-9)
            else:
                self.assertAlmostEqual(value, ours, delta=1e-6)

    def test_private_memory(self):
        for pod in self.pods:
            pids = {"shim": self.shim_of(pod), "pause": pod.pid}

            def check(pod=pod, pids=pids):
                before = {name: overhead.private_bytes(pid) for name, pid in pids.items()}
                samples = self.scraped()
                after = {name: overhead.private_bytes(pid) for name, pid in pids.items()}
                for name in pids:
                    value = of_pod(samples, pod, name, overhead.MEMORY)
                    self.assertIsNotNone(value, pod.name)
                    self.assertTrue(min(before[name], after[name]) <= value
                                    <= max(before[name], after[name]), (pod.name, name, value,
                                                                        before, after))
                self.assertIsNone(of_pod(samples, pod, "runc", overhead.MEMORY))
            until_agreed(check, 90)
        if len(self.after.containerds) == 1:
            until_agreed(lambda: self.assertEqual(
                self.scraped().value(overhead.SERVICE_MEMORY, service="containerd"),
                overhead.private_bytes(self.bed.containerd_pid)), 90)


class Metered(Costs):
    """runc by way of a wrapper that records what each call took."""

    ROUNDING = 3e-6  # of a call: the kernel gives microseconds, twice
    # A task's last slice, on its way out, is in no account of who waited for it.
    LAST = 0.0005

    @classmethod
    def make_bed(cls):
        return TestBed([load_program()], runtime=METERED)

    def calls(self, *ids):
        """[(command, seconds)] of these containers."""
        with open(self.bed.runtime + ".log", encoding="utf-8") as file:
            lines = [line.split() for line in file]
        return [(name, int(us) / 1e6) for name, of, us in lines if of in ids]


class Calls(Metered):
    """What it takes to make a container, and to run something in it."""

    EXECS = 30

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.pod, cls.other = cls.bed.each(lambda name: cls.bed.run_pod(own("metered"), name),
                                          ["asked", "other"])
        cls.app, _ = cls.bed.each(lambda pod: pod.add("app", FOREVER), [cls.pod, cls.other])

    def sum(self, *ids):
        return sum(seconds for _, seconds in self.calls(*ids))

    def told(self, pod):
        return of_pod(self.scraped(), pod, "runc")

    def test_1_creation(self):
        """runc moves what becomes a container into its cgroup early, and what that uses there is
        the container's: no more than the whole cgroup used."""
        self.balanced()
        for pod in (self.pod, self.other):
            ids = [pod.sandbox_id, *(container.id for container in pod.containers)]
            calls = self.calls(*ids)
            self.assertLessEqual({"create", "start"}, {name for name, _ in calls})
            taken = sum(seconds for _, seconds in calls)
            value = self.told(pod)
            self.assertGreaterEqual(value, taken - pod.kernel.usage() - len(calls) * self.ROUNDING)
            self.assertLessEqual(value, taken + 3 * len(calls) * self.LAST)

    def test_2_execs(self):
        """An exec is told whole, until it is in the container: who waits for runc is told less,
        because that does not wait for what it leaves there; and the shim in the end is told all,
        with what that used as a part of the container."""
        self.balanced()
        shim, container = self.shim_of(self.pod), self.app.kernel
        before = {"told": self.told(self.pod), "taken": self.sum(self.app.id),
                  "waited": overhead.of_waited_children(shim), "inside": container.usage()}
        other = self.told(self.other)
        now = dict(before)
        for number in range(self.EXECS):
            self.assertEqual(self.app.exec(["true"]), (0, ""))
            was, taken = now["told"], self.sum(self.app.id)
            self.assertEqual(len([1 for name, _ in self.calls(self.app.id) if name == "exec"]),
                             number + 1)

            def rose(was=was, taken=taken):
                now["told"] = self.told(self.pod)
                self.assertGreater(now["told"], was)
                self.assertGreaterEqual(now["told"] - before["told"], taken - before["taken"]
                                        - self.EXECS * self.ROUNDING)
            until_agreed(rose)
        self.balanced(self.EXECS)
        now = {"told": self.told(self.pod), "taken": self.sum(self.app.id),
               "waited": overhead.of_waited_children(shim), "inside": container.usage()}
        told, taken, waited, inside = (now[key] - before[key] for key in before)
        all_told, kernel = self.whole(self.EXECS)
        print(f"\nnote: all the bed: told - kernel {(all_told - kernel) * 1000:+.2f} of "
              f"{kernel * 1000:.0f} ms")
        print(f"note: {self.EXECS} execs: runc {told * 1000:.1f} ms; by the wrapper "
              f"{taken * 1000:.1f} ms, by the shim's children less what ran inside "
              f"{(waited - inside) * 1000:.1f} ms")
        self.assertGreaterEqual(told, taken - self.EXECS * self.ROUNDING)
        self.assertAlmostEqual(told, waited - inside, delta=bound(told, self.EXECS))
        self.assertEqual(self.told(self.other), other)


class Unpermitted(Costs):
    """Without CAP_SYS_PTRACE: the same times, and no memory of anybody."""

    prefix = ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace")

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.pod = cls.bed.run_pod(own("less"), "web")

    def test_times(self):
        self.balanced()
        shim = self.shim_of(self.pod)
        least, samples, most = clock(shim), self.scraped(), clock(shim)
        self.assertGreaterEqual(of_pod(samples, self.pod, "shim"), least - TICK)
        self.assertLessEqual(of_pod(samples, self.pod, "shim"), most + 1)

    def test_no_memory(self):
        # Who may is as far: the daemon would be, too.
        other = Daemon(self.binary(), self.config)
        until(lambda: of_pod(other.metrics(self.below()), self.pod, "shim", overhead.MEMORY),
              "the private memory of the shim, by a daemon that may")
        samples = self.scraped()
        self.assertEqual([name for name, _ in samples if "private_memory" in name], [])
        self.assertEqual(other.end(), 0)

    def test_doctor(self):
        absent = r"absent +private memory +CAP_SYS_PTRACE .*\n +to get it: grant CAP_SYS_PTRACE"
        self.assertRegex(command("doctor", prefix=self.prefix), absent)
        self.assertNotRegex(command("doctor"), absent)


class Life(Costs):
    """Shims that were there before the daemon, daemons that come after, pods that come back, and
    one that goes while a snapshot is waited for."""

    FAMILIES = rb"throttlelens_(?:pod|node)_overhead_cpu_"

    @classmethod
    def before_start(cls):
        super().before_start()
        cls.old = cls.bed.run_pod(own("life"), "old")
        cls.app = cls.old.add("app", FOREVER)

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.watcher = Watcher(cls.daemon, cls.FAMILIES)

    def told(self, daemon, pod, component="shim"):
        return of_pod(daemon.metrics(self.below()), pod, component)

    def probe(self, count):
        for _ in range(count):
            self.assertEqual(self.app.exec(["true"]), (0, ""))

    def assert_by_clock(self, daemon, pod):
        """All of it: who came later finds the shim with its past."""
        pid = self.shim_of(pod)
        least, value, most = clock(pid), self.told(daemon, pod), clock(pid)
        self.assert_between(value, least, most, pod.name)
        return value

    def test_1_shims_there_before(self):
        first = self.assert_by_clock(self.daemon, self.old)
        self.probe(5)
        self.balanced()
        self.assertGreater(self.assert_by_clock(self.daemon, self.old), first)
        self.assertGreater(self.told(self.daemon, self.old, "runc"), 0)

    def test_2_daemon_restarted(self):
        one = Daemon(self.binary(), self.config)
        value = self.assert_by_clock(one, self.old)
        self.probe(2)
        self.assertEqual(one.end(), 0)
        two = Daemon(self.binary(), self.config)
        self.assertGreaterEqual(self.assert_by_clock(two, self.old), value)
        self.assertEqual(two.end(), 0)

    def test_3_pod_comes_back(self):
        pod = self.bed.run_pod(own("life"), "again")
        self.balanced()
        before = {name: self.told(self.daemon, pod, name) for name in ("shim", "runc", "pause")}
        pod.remove()
        again = self.bed.run_pod(own("life"), "again")
        self.assertNotEqual(pod.uid, again.uid)
        shim, pause = self.shim_of(again), sandbox(again)
        self.balanced()
        least = before["shim"] + clock(shim) - TICK
        until_agreed(lambda: self.assertGreaterEqual(self.told(self.daemon, again), least))
        self.assertGreater(self.told(self.daemon, again, "runc"), before["runc"])
        self.assertAlmostEqual(self.told(self.daemon, again, "pause"),
                               before["pause"] + pause.usage(), delta=2 * START_DOUBT)
        again.remove()
        self.balanced()

    def test_4_removed_while_asked(self):
        pod = self.bed.run_pod(own("life"), "goes")
        app = pod.add("app", ["tl_load", "--busy", "5ms", "--idle", "45ms", "--duration", "0"])
        shim = self.shim_of(pod)
        daemon = Daemon(self.binary(), self.config)  # it has no past to answer from
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(daemon.get, f"/api/v1/snapshot?duration=6s&namespace={own('life')}",
                                30)
            self.assertEqual(app.exec(["true"]), (0, ""))
            known, used = clock(shim), app.kernel.usage()
            pod.remove()
            self.assertFalse(asked.done())
            answer = snapshot_schema.checked(asked.result(timeout=30))
        row, = [row for row in answer["pods"] if row["pod"] == "goes"]
        self.assertEqual((row["alive"], row["uid"]), (False, pod.uid))
        self.assertGreaterEqual(answer["window"]["seconds"], 6)
        self.assertGreaterEqual(row["usage_seconds"], used)
        self.assertGreaterEqual(row["overhead"]["shim"]["cpu_seconds"], known - TICK)
        self.assertGreater(row["overhead"]["runc"]["cpu_seconds"], 0)
        self.assertNotIn("private_memory_bytes", row["overhead"]["shim"])
        self.assertEqual(daemon.end(), 0)

    def test_5_counters_never_go_back(self):
        self.watcher.stop()
        last, compared = {}, 0
        for _, _, samples in self.watcher.answers():
            for key, value in samples.items():
                self.assertGreaterEqual(value, last.get(key, 0), key)
                last[key] = value
                compared += 1
        self.assertGreater(compared, 100)
        self.assertIn(("pod", "again"), {label for _, labels in last for label in labels})


class Agreement(Costs):
    """Who asks the daemon, which looks back, and who measures without one see the same."""

    DURATION = 10
    NEWEST = 1.2  # seconds; spans begin at marks, which are a second apart, and end at windows

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.pods = cls.bed.each(lambda name: cls.bed.run_pod(own("agree"), name),
                                ["busy", "probed"])
        cls.pods[0].add("app", ["tl_load", "--busy", "10ms", "--idle", "40ms", "--duration", "0"])
        cls.pods[1].add("app", FOREVER)

    def without_daemon(self):
        """A configuration by which no daemon is found."""
        path = os.path.join(cleanup.folder(0o755), "config.yaml")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.config + f"listen: 127.0.0.1:{taken.getsockname()[1]}\n")
        return path

    def test_same(self):
        overhead.elapse(2)  # they were made before both spans
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            prober = Prober(pool, self.pods[1].containers[0], 0.5)
            try:
                alone = snapshot_schema.checked(command(
                    "snapshot", "--config", self.without_daemon(), "-n", own("agree"), "-o", "json",
                    "--duration", f"{self.DURATION}s").encode())
                asked = snapshot_schema.checked(self.daemon.get(
                    f"/api/v1/snapshot?duration={self.DURATION}s&namespace={own('agree')}"))
            finally:
                prober.finish()
        for answer in alone, asked:
            self.assertGreaterEqual(answer["window"]["seconds"], self.DURATION)
            self.assertLess(answer["window"]["seconds"], self.DURATION + self.NEWEST)
            self.assertEqual([row["pod"] for row in answer["pods"]], ["busy", "probed"])
            self.assertEqual([row["uid"] for row in answer["pods"]], [p.uid for p in self.pods])
        for one, other in zip(alone["pods"], asked["pods"]):
            for path in (("over_window", "cores"), ("overhead", "cores"),
                         ("overhead", "shim", "cores"), ("overhead", "runc", "cores")):
                if path[1] == "runc" and one["pod"] == "busy":
                    continue
                values = []
                for row in one, other:
                    for key in path:
                        self.assertIn(key, row, (path, one["pod"], len(values), one, other))
                        row = row[key]
                    values.append(row)
                # What is in the one span and not in the other, at both ends.
                doubt = 2 * self.NEWEST / self.DURATION
                self.assertAlmostEqual(*values, delta=doubt * max(values) + 0.002,
                                       msg=(one["pod"], path))
            for component in ("shim", "pause"):  # of all, also by who looks only once
                self.assertGreater(one["overhead"][component]["private_memory_bytes"], 0)
        busy, probed = asked["pods"]
        self.assertGreater(busy["over_window"]["cores"], 0.05)
        self.assertGreater(probed["overhead"]["runc"]["cores"], busy["overhead"]["shim"]["cores"])


class Churn(Metered):
    """Pods that come and go all the time, and who asks meanwhile."""

    more_config = "limits: {keep_ended: 2s}\n"
    PODS, AT_ONCE = 200, 4

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.watcher = Watcher(cls.daemon, rb"throttlelens_(?:pod|node)_overhead_cpu_",
                              rb"throttlelens_probe_lost")
        cls.uids, cls.ids = {}, {}
        cls.foreign = overhead.processes("containerd-shim")
        cls.books = Books(cls.services, cls.scraped_now, cls.of_node)
        cls.answers, cls.resident = [], []
        asking = True

        def ask():
            while asking:
                cls.answers.append(cls.daemon.get(
                    f"/api/v1/snapshot?duration=2s&namespace={own('churn')}", 30))

        def live(number):
            pod = cls.bed.run_pod(own("churn"), f"web-{number}")
            cls.uids[pod.name], cls.ids[pod.name] = pod.uid, pod.sandbox_id
            pod.remove()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asker = pool.submit(ask)
            for first in range(0, cls.PODS, cls.PODS // 2):
                cls.bed.each(live, range(first, first + cls.PODS // 2), cls.AT_ONCE)
                cls.resident.append(proc.resident_bytes(cls.daemon.pid))
            asking = False
            asker.result(timeout=60)

    @staticmethod
    def of_node(samples):
        return sum(samples.value(overhead.NODE, component=component) or 0
                   for component in ("shim", "runc"))

    def test_1_nothing_is_left(self):
        """Once rows were kept for as long as they are to be."""
        def check():
            self.assertEqual(overhead.told(self.scraped()), {})
            self.assertEqual(self.services.shims(), {})
        until_agreed(check)
        print(f"\nnote: resident: {[size >> 10 for size in self.resident]} KiB")
        self.assertLess(self.resident[1], self.resident[0] + (2 << 20))

    def test_2_node(self):
        """All that ran is in the counters of the node, whoever it was for."""
        if overhead.processes("containerd-shim") or self.foreign:
            self.skipTest("others have shims here too")  # never with tests that run alone

        least, difference = self.balanced(2 * self.PODS)
        told, kernel = self.whole()
        print(f"\nnote: {self.PODS} pods: told - kernel {difference * 1000:+.1f} of "
              f"{least * 1000:.0f} ms; all the bed {(told - kernel) * 1000:+.1f} of "
              f"{kernel * 1000:.0f} ms")

    def test_3_each_has_its_own(self):
        """By what the wrapper recorded of each."""
        self.watcher.stop()
        last, node = {}, {}
        for _, _, samples in self.watcher.answers():
            for (_, pod, component), value in overhead.told(samples).items():
                self.assertGreaterEqual(value, last.get((pod, component), 0), (pod, component))
                last[pod, component] = value
            for component in ("shim", "runc"):
                value = samples.value(overhead.NODE, component=component) or 0
                self.assertGreaterEqual(value, node.get(component, 0), component)
                node[component] = value
        self.assertEqual({pod for pod, _ in last}, set(self.uids))
        for pod, sandbox_id in self.ids.items():
            calls = self.calls(sandbox_id)
            taken = sum(seconds for _, seconds in calls)
            self.assertLessEqual(last[pod, "runc"], taken + 3 * len(calls) * self.LAST, pod)
            self.assertGreaterEqual(last[pod, "runc"], taken - last[pod, "pause"] - START_DOUBT
                                    - len(calls) * self.ROUNDING, pod)
            self.assertGreater(last[pod, "shim"], 0)

    def test_4_answers(self):
        seen = set()
        self.assertGreater(len(self.answers), 10)
        for body in self.answers:
            answer = snapshot_schema.checked(body)
            self.assertEqual(answer["losses"]["lost_processes"], 0)
            for row in answer["pods"]:
                if "uid" in row:
                    self.assertEqual(row["uid"], self.uids[row["pod"]])
                seen.add(row["pod"])
        self.assertGreater(len(seen), self.PODS / 2)


class Answers(Costs):
    """One snapshot in all its forms."""

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.pods = cls.bed.each(lambda name: cls.bed.run_pod(own("forms"), name),
                                ["web-0", "web-1"])
        for pod in cls.pods:
            pod.add("app", ["tl_load", "--busy", "10ms", "--idle", "40ms", "--duration", "0"],
                    request=0.1, limit=0.5)
            pod.containers[0].exec(["true"])
        until(lambda: all("private_memory_bytes" in pod["overhead"].get("shim", {})
                          for pod in cls.ask()["pods"]), "their private memory")

    @classmethod
    def path(cls, form, more=""):
        return (f"/api/v1/snapshot?duration=5s&namespace={own('forms')}&top=10&sort=name"
                f"&format={form}{more}")

    @classmethod
    def ask(cls):
        return snapshot_schema.checked(cls.daemon.get(cls.path("json"), 30))

    def forms(self):
        """(JSON, CSV, wide table, narrow one) of one snapshot."""
        def same():
            before = self.ask()
            texts = [self.daemon.get(self.path(form), 30).decode()
                     for form in ("csv", "wide", "table&width=80")]
            return before == self.ask() and (before, *texts)
        return until(same, "four answers within a window")

    def test_json_and_csv(self):
        answer, text, _, _ = self.forms()
        fields = {field["field"]: field for field in answer["sources"]}
        names = {path.replace(".", "_"): path for path in fields}
        lines = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        compared = 0
        for kind, key in (("pod", "pods"), ("container", "containers")):
            rows = [line for line in lines if line["kind"] == kind]
            self.assertEqual([(row["namespace"], row["pod"]) for row in rows],
                             [(row["namespace"], row["pod"]) for row in answer[key]])
            for line, row in zip(rows, answer[key]):
                self.assertEqual(float(line["window_seconds"]), answer["window"]["seconds"])
                self.assertEqual((line["alive"], line["why"]), ("true", row.get("why", "")))
                for name, path in names.items():
                    value = row
                    for step in path.split("."):
                        value = value.get(step) if isinstance(value, dict) else None
                    if value is not None:
                        self.assertEqual(float(line[name]), value, name)
                        compared += 1
        self.assertGreater(compared, 30)
        pod = next(line for line in lines if line["kind"] == "pod")
        for component in ("shim", "runc", "pause"):
            self.assertGreater(float(pod[f"overhead_{component}_cpu_seconds"]), 0)
            self.assertGreaterEqual(float(pod[f"overhead_{component}_cores"]), 0)
        self.assertEqual(pod["overhead_conmon_cpu_seconds"], "")
        self.assertGreater(int(pod["overhead_private_memory_bytes"]), 0)

    def test_tables(self):
        answer, _, wide, narrow = self.forms()
        for text in wide, narrow:
            for row in answer["pods"][:2]:  # those that stay
                line = next(line for line in text.splitlines()
                            if line.split()[:1] == [f"{row['namespace']}/{row['pod']}"])
                self.assertIn(f"{row['over_window']['cores'] * 1000:.0f}m",
                              [word.replace(" ", "") for word in line.split()], line)
        for line in narrow.splitlines():
            self.assertLessEqual(len(line), 80, line)
        for field in answer["sources"]:
            self.assertTrue(field["source"] and field["meaning"], field)
            if "heading" in field and (".pause" in field["field"] or ".shim" in field["field"]
                                       or field["field"].startswith("over_window")):
                self.assertIn(f"\n{field['heading']}: {field['meaning']} [{field['source']}]", wide)
        self.assertNotIn("CONMON", wide)  # nobody has one

    def test_new(self):
        """What began within the span is told whole, per second of all of it."""
        pod = self.bed.run_pod(own("forms"), "web-2")
        pod.add("app", FOREVER).exec(["true"])
        row, = until(lambda: [row for row in self.ask()["pods"] if row["pod"] == "web-2"
                              and row["overhead"].get("runc")], "it is there")
        answer = self.ask()
        row, = [row for row in answer["pods"] if row["pod"] == "web-2"]
        seconds = answer["window"]["seconds"]
        self.assertAlmostEqual(row["over_window"]["cores"] * seconds, row["usage_seconds"],
                               delta=1e-6)
        for name in ("shim", "runc", "pause"):
            part = row["overhead"][name]
            self.assertGreater(part["cores"], 0)
            self.assertAlmostEqual(part["cores"] * seconds, part["cpu_seconds"], delta=1e-6)
        pod.remove()

    def test_metrics(self):
        """The same counters as a scrape."""
        for pod in self.pods:
            before = self.scraped()
            row, = [row for row in self.ask()["pods"] if row["pod"] == pod.name]
            after = self.scraped()
            for name in ("shim", "runc", "pause"):
                value = row["overhead"][name]["cpu_seconds"]
                self.assertTrue(of_pod(before, pod, name) - 1e-9 <= value
                                <= of_pod(after, pod, name) + 1e-9, name)

    def refused(self, query):
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.daemon.get("/api/v1/snapshot?" + query)
        with caught.exception as answer:
            return answer.code, answer.read().decode()

    def test_refusals(self):
        for query, said in {
                "format=xml": "format='xml' is not known; known: table, wide, json, csv",
                "sort=up": "sort='up' is not known; known: why, cpu, peak, wait, throttled, "
                           "overhead, memory, name",
                "duration=1": "duration='1'", "duration=10ms": "is not between 1s and 1h",
                "duration=30m": "windows.history", "top=0": "is not a whole number from 1",
                "width=no": "width='no' is not a whole number", "duration=5s&duration=5s": "once",
                "what=5": "no parameter is called 'what'; known: duration, format, namespace, pod, "
                          "sort, top, width"}.items():
            code, text = self.refused(query)
            self.assertEqual((code, text.count("\n")), (400, 1), query)
            self.assertIn(said, text)

    def test_head(self):
        for form, kind in {"json": "application/json", "csv": "text/csv", "table": "text/plain",
                           "wide": "text/plain"}.items():
            asked = urllib.request.Request(f"http://{self.daemon.address}{self.path(form)}",
                                           method="HEAD")
            with urllib.request.urlopen(asked, timeout=30) as answer:
                self.assertEqual((answer.status, answer.read()), (200, b""))
                self.assertTrue(answer.headers["Content-Type"].startswith(kind), form)
                self.assertGreater(int(answer.headers["Content-Length"]), 100)

    def run_snapshot(self, *arguments):
        return subprocess.run([throttlelens(), "snapshot", *arguments], capture_output=True,
                              text=True, timeout=60, check=False)

    def test_command(self):
        asked = ("--from", f"http://{self.daemon.address}", "-n", own("forms"), "--top", "1",
                 "--sort", "overhead")
        for form in ("table", "wide", "csv"):
            done = self.run_snapshot(*asked, "-o", form)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(len([line for line in done.stdout.splitlines()
                                  if "web-" in line and ("/app" not in line)
                                  and not line.startswith("1,container")]), 1, done.stdout)
        done = self.run_snapshot(*asked, "-o", "json")
        self.assertEqual(len(snapshot_schema.checked(done.stdout.encode())["pods"]), 1)

    def test_nobody_there(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            done = self.run_snapshot("--from", url)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(url, done.stderr)
        self.assertIn("nobody takes connections there", done.stderr)
        for arguments in (("--duration", "10ms"), ("-o", "xml"), ("--sort", "up"),
                          ("--from", "nowhere")):
            self.assertEqual(self.run_snapshot(*arguments).returncode, 2, arguments)


class Polling(Costs):
    """The tier that looks into /proc: shims in ticks of the kernel, and nothing of runc."""

    tier = "cpustat"
    more_config = "probe: {mode: cpustat}\n"
    TICKS = 0.03  # utime and stime are cut to a tick each, and so was what is told

    @classmethod
    def prepare(cls):
        super().prepare()
        cls.pod = cls.bed.run_pod(own("polled"), "web")
        cls.app = cls.pod.add("app", FOREVER)

    def test_shim(self):
        shim = self.shim_of(self.pod)

        def check():
            least = clock(shim)
            self.assertAlmostEqual(of_pod(self.scraped(), self.pod, "shim"), least,
                                   delta=self.TICKS)
            return least
        before = until_agreed(check)
        for _ in range(20):
            self.assertEqual(self.app.exec(["true"]), (0, ""))
        self.assertGreater(until_agreed(check), before)

    def test_services(self):
        def check():
            samples = self.scraped()
            all_of_them = [pid for pid in overhead.processes("containerd")
                           if overhead.comm(pid) == "containerd"]
            if all_of_them == [self.bed.containerd_pid]:
                self.assertAlmostEqual(samples.value(overhead.SERVICE, service="containerd"),
                                       clock(self.bed.containerd_pid), delta=self.TICKS)
            self.assertAlmostEqual(samples.value(overhead.SERVICE, service="throttlelens"),
                                   clock(self.daemon.pid), delta=0.25)
        until_agreed(check)

    def test_pause_and_memory(self):
        shim = self.shim_of(self.pod)

        def check():
            samples = self.scraped()
            self.assertAlmostEqual(of_pod(samples, self.pod, "pause"), sandbox(self.pod).usage(),
                                   delta=START_DOUBT)
            for pid, name in (shim, "shim"), (self.pod.pid, "pause"):
                self.assertEqual(of_pod(samples, self.pod, name, overhead.MEMORY),
                                 overhead.private_bytes(pid))
        until_agreed(check, 60)

    def test_what_it_cannot_know_is_absent(self):
        samples = self.scraped()
        self.assertEqual([labels for name in (overhead.CPU, overhead.NODE)
                          for labels, _ in samples.rows(name) if labels["component"] == "runc"], [])
        self.assertIsNone(samples.value(overhead.LOST))


class Monitors(Scenario):
    """Containers of the real Podman, outside of pods: conmon, and what it starts."""

    RUNTIMES = ("crun", "runc")
    # Prints so many lines, whenever told.
    COMMAND = ["sh", "-c", "mkfifo /tmp/told; while read -r lines < /tmp/told; do i=0; "
                           "while [ $i -lt $lines ]; do echo $i; i=$((i + 1)); done; done"]
    LINES = 20000

    @classmethod
    def before_start(cls):
        need_test_bed()
        for tool in ("podman", "conmon", *cls.RUNTIMES):
            need_tool(tool, tool)
        cls.podman = Podman(cls.hierarchies, f"/throttlelens-podman-{os.getpid()}",
                            [load_program()])
        cls.config = (f"runtimes: {{containerd: [], crio: [], docker: [], "
                      f"podman: [{cls.podman.root}]}}\n")

    @classmethod
    def below(cls):
        return cls.podman.cgroup

    @classmethod
    def prepare(cls):
        cls.containers = [cls.podman.run(runtime, own("tl-log-" + runtime), cls.COMMAND)
                          for runtime in cls.RUNTIMES]
        cls.around = Existing(cls.hierarchies, cls.podman.cgroup + "/conmon")

    @staticmethod
    def conmon_of(container):
        return container.inspect()["State"]["ConmonPid"]

    def told(self, samples, container, component):
        return samples.value(overhead.CPU, container=container.name, component=component)

    def all_told(self):
        samples = self.scraped()
        return sum(self.told(samples, container, component) or 0
                   for container in self.containers for component in ("conmon", "runc"))

    def print_lines(self, container):
        def said():
            return len(container.log().splitlines())
        before = said()
        with open(f"/proc/{container.pid}/root/tmp/told", "w", encoding="utf-8") as pipe:
            pipe.write(f"{self.LINES}\n")
        until(lambda: said() == before + self.LINES, "all it prints")

    def test_conmon(self):
        for container in self.containers:
            pid = self.conmon_of(container)
            before, began = self.told(self.scraped(), container, "conmon"), clock(pid)
            self.assertGreaterEqual(before, began - TICK)
            self.print_lines(container)
            used = clock(pid) - began
            self.assertGreater(used, 2 * TICK)
            until_agreed(lambda b=before, u=used, c=container: self.assertAlmostEqual(
                self.told(self.scraped(), c, "conmon") - b, u, delta=TICK))

    def test_execs(self):
        """By the kernel: all that ran in the cgroup that conmon is in, and what it starts there."""
        for container in self.containers:
            before = self.told(self.scraped(), container, "runc")
            usage, all_before = self.around.usage(), self.all_told()
            for _ in range(5):
                self.podman.command("exec", container.name, "sleep", "0")
            self.assertGreater(until(lambda b=before, c=container: (self.told(
                self.scraped(), c, "runc") or 0) - (b or 0), "more of the runtime"), 0)

            def check(usage=usage, all_before=all_before):
                self.assertAlmostEqual(self.all_told() - all_before,
                                       self.around.usage() - usage,
                                       delta=bound(self.around.usage() - usage))
            until_agreed(check)

    def test_memory(self):
        for container in self.containers:
            until_agreed(lambda c=container: self.assertEqual(
                self.scraped().value(overhead.MEMORY, container=c.name, component="conmon"),
                overhead.private_bytes(self.conmon_of(c))), 60)

    def test_no_pods(self):
        """Namespace and pod are there and empty: a scraper must not put its own there."""
        name = self.containers[0].name
        self.assertIn(f'cpu_seconds_total{{namespace="",pod="",container="{name}",'
                      'component="conmon"}', self.daemon.metrics_text().decode())


if __name__ == "__main__":
    sys.exit(main(__doc__))
