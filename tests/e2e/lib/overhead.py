# SPDX-License-Identifier: Apache-2.0
"""What pods cost beside what runs in them: as the daemon tells it, and by the kernel's own clocks of
processes and cgroups. Seconds and bytes."""

import contextlib
import os
import re
import time

import proc
from testbed import Existing

CPU = "throttlelens_pod_overhead_cpu_seconds_total"
MEMORY = "throttlelens_pod_overhead_private_memory_bytes"
NODE = "throttlelens_node_overhead_cpu_seconds_total"
SERVICE = "throttlelens_node_service_cpu_seconds_total"
SERVICE_MEMORY = "throttlelens_node_service_private_memory_bytes"
LOST = "throttlelens_probe_lost_processes_total"
_PODS = "throttlelens_pod_cpu_usage_seconds_total"
_ENDED = "throttlelens_ended_cpu_usage_seconds_total"
COMPONENTS = "shim", "runc", "pause", "conmon"


# By the kernel.

def clock(pid):
    """CPU time of a process: all its threads, ended ones and the slices in progress too."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9  # make_process_cpuclock(pid, CPUCLOCK_SCHED)


def of_waited_children(pid):
    """Of all that it waited for, with what those had waited for; to two ticks of the kernel."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")


def private_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        found = re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB$", file.read(), re.M)
    return sum(map(int, found)) * 1024


def comm(pid):
    """Empty when it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8",
                                            errors="replace") as file:
        return file.read().rstrip("\n")
    return ""


def arguments(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().decode(errors="replace").split("\0")
    return []


def processes(name):
    """Pids of all on this machine whose program begins with that."""
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and comm(pid).startswith(name)]


def processes_of(cgroup):
    with open(os.path.join(cgroup.folders[0], b"cgroup.procs"), encoding="utf-8") as file:
        return list(map(int, file.read().split()))


class Services:
    """The cgroup of a bed's containerd and all its shims, and nothing else."""

    def __init__(self, bed):
        self.bed = bed
        self.cgroup = Existing(bed.hierarchies, bed.root_cgroup + "/system.slice/containerd.service")

    def shims(self):
        """Those that stay: pid by id of the sandbox."""
        found = {}
        for pid in processes_of(self.cgroup):
            words = arguments(pid)
            if comm(pid).startswith("containerd-shim") and "start" not in words[1:] \
                    and "delete" not in words[1:] and "-id" in words:
                found[words[words.index("-id") + 1]] = pid
        return found

    def passing(self):
        """What is neither containerd nor a shim that stays."""
        stay = {self.bed.containerd_pid, *self.shims().values()}
        return [pid for pid in processes_of(self.cgroup) if pid not in stay]


# As it is told.

def of_pod(samples, pod, component, metric=CPU):
    return samples.value(metric, namespace=pod.namespace, pod=pod.name, component=component)


def told(samples, metric=CPU, ending=f"-{os.getpid()}"):
    """{(namespace, pod, component): value} of namespaces of our own."""
    return {(labels["namespace"], labels.get("pod", ""), labels["component"]): value
            for labels, value in samples.rows(metric)
            if labels.get("namespace", "").endswith(ending)}


def total(samples, *components):
    """Of all pods of our own."""
    return sum(value for (_, _, component), value in told(samples).items()
               if component in components)


# A runtime moves a process that runs from one cgroup to another, in v1 first for us and then for the
# kernel's counter of use, or the other way round.
MOVE_DOUBT = 0.0005


class Books:
    """Two accounts of what ran, from a moment of rest on: the kernel's, and the sum of what is told.
    `components` gives what is told of shims and runc together."""

    def __init__(self, services, scrape, components=None):
        self.services, self.scrape = services, scrape
        self._components = components or (lambda samples: total(samples, "shim", "runc"))
        self.whole = Existing(services.bed.hierarchies, services.bed.root_cgroup)
        self.before = self._told(scrape()), services.cgroup.usage(), self.whole.usage()

    def _told(self, samples):
        """Of containerd by its clock: what is told is of all that others may have here, too."""
        return clock(self.services.bed.containerd_pid) + self._components(samples)

    def read(self):
        """(told, at least, at most by the kernel, samples), of the cgroup of containerd."""
        least, samples = self.services.cgroup.usage(), self.scrape()
        told = self._told(samples)
        return (told - self.before[0], least - self.before[1],
                self.services.cgroup.usage() - self.before[1], samples)

    def read_whole(self):
        """(told, by the kernel), of all the bed, which nothing is moved to or from."""
        samples, whole = self.scrape(), self.whole.usage()
        pods = sum(value for name in (_PODS, _ENDED) for labels, value in samples.rows(name)
                   if labels.get("namespace", "").endswith(f"-{os.getpid()}"))
        return self._told(samples) + pods - self.before[0], whole - self.before[2]


def bound(truth, moves=0):
    """What a sum of a cgroup may be off by."""
    return max(0.01 * truth, 0.020) + moves * MOVE_DOUBT


class Prober:
    """Runs a command in a container each `interval` seconds, as an exec probe does, until told to
    stop."""

    def __init__(self, pool, container, interval=1.0, command=("true",)):
        self.done, self._stop = 0, False
        self._container, self._interval, self._command = container, interval, list(command)
        self._future = pool.submit(self._run)

    def _run(self):
        due = time.monotonic()
        while not self._stop:
            code, output = self._container.exec(self._command)
            assert code == 0, output
            self.done += 1
            due = max(due + self._interval, time.monotonic() - self._interval)
            time.sleep(max(0.0, due - time.monotonic()))  # what is measured is a rate

    def stop(self):
        self._stop = True

    def finish(self):
        self._stop = True
        self._future.result(timeout=60)
        return self.done


def elapse(seconds):
    """Lets a span pass that something is measured over. Returns when it began and ended."""
    began = proc.mono()
    time.sleep(seconds)
    return began, proc.mono()
