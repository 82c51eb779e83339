# SPDX-License-Identifier: Apache-2.0
"""What /proc says, as a second opinion."""

import os
import re
import threading
import time

_TICK = os.sysconf("SC_CLK_TCK")


def mono():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def online_cpus():
    return os.sysconf("SC_NPROCESSORS_ONLN")


def _stat_fields(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        # proc(5) counts from 1; what follows the name in parentheses is its third field.
        return [None, None, None, *file.read().rpartition(")")[2].split()]


def cpu_seconds(pid):
    fields = _stat_fields(pid)
    return (int(fields[14]) + int(fields[15])) / _TICK


def virtual_bytes(pid):
    return int(_stat_fields(pid)[23])


def start_time(pid):
    with open("/proc/stat", encoding="utf-8") as file:
        boot = int(re.search(r"^btime (\d+)$", file.read(), re.M)[1])
    return boot + int(_stat_fields(pid)[22]) / _TICK


def node_busy():
    """Seconds in which CPUs were not idle, all together."""
    with open("/proc/stat", encoding="utf-8") as file:
        fields = [int(field) for field in file.readline().split()[1:]]
    return (time.clock_gettime(time.CLOCK_BOOTTIME) * online_cpus()
            - (fields[3] + fields[4]) / _TICK)


def context_switches():
    """Of the node, since it was started."""
    with open("/proc/stat", encoding="utf-8") as file:
        return int(re.search(r"^ctxt (\d+)$", file.read(), re.M)[1])


def state(pid):
    """As in ps: R, S, T, ..."""
    return _stat_fields(pid)[3]


def started_mono(pid):
    """When it was forked, by CLOCK_MONOTONIC in ns, to a tick of the kernel."""
    slept = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - mono()
    return int(_stat_fields(pid)[22]) * 1_000_000_000 // _TICK - slept


def resident_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return int(re.search(r"^Rss:\s+(\d+) kB$", file.read(), re.M)[1]) * 1024


def open_fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def max_fds(pid):
    with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
        return int(re.search(r"^Max open files\s+(\d+)", file.read(), re.M)[1])


class NodeClock:
    """Reads /proc/stat at every edge of a window length, for the node's own windows."""

    def __init__(self, length_ns):
        self._length = length_ns
        self._edges = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            edge = mono() // self._length + 1
            if self._stop.wait(max(0, edge * self._length - mono()) / 1e9):
                return
            with open("/proc/stat", encoding="utf-8") as file:
                fields = [int(field) / _TICK for field in file.readline().split()[1:]]
            # Read a moment late, more on a busy machine; with how much, so that it can be allowed.
            self._edges[edge] = fields, (mono() - edge * self._length) / 1e9

    def stop(self):
        self._stop.set()
        self._thread.join()

    def window(self, index):
        """(idle, taken, doubt) of the window in seconds, None if unknown. Idle is exact; taken is
        what the kernel kept for interrupts, or the hypervisor, counted at ticks; doubt is what each
        CPU may be off by."""
        if index not in self._edges or index + 1 not in self._edges:
            return None
        (begin, late), (end, later) = self._edges[index], self._edges[index + 1]
        spent = [b - a for a, b in zip(begin, end)]
        return spent[3] + spent[4], spent[5] + spent[6] + spent[7], late + later
