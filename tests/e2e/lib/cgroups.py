# SPDX-License-Identifier: Apache-2.0
"""Cgroups of a test's own, in whatever hierarchies this machine has, and what the kernel says of
them. Paths are bytes in the file system; names may be anything."""

import os
import re

import cleanup
from deadline import until


class Hierarchies:
    def __init__(self):
        v1, v2 = {}, None
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            for line in file:
                place, _, rest = line.rstrip("\n").partition(" - ")
                mount = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), place.split(" ")[4])
                kind, _, options = rest.split(" ", 2)
                if kind == "cgroup":
                    for option in options.split(","):
                        v1.setdefault(option, mount)
                elif kind == "cgroup2":
                    v2 = v2 or mount
        if "cpu" in v1:
            self.mode = "hybrid" if v2 else "v1"
            self.cpu, self.usage = v1["cpu"], v1.get("cpuacct", v1["cpu"])
        elif v2:
            self.mode, self.cpu, self.usage = "v2", v2, v2
        else:
            raise AssertionError("no cgroup hierarchy with the cpu controller is mounted")
        self.v2 = self.mode == "v2"

    def folders(self, path):
        """Of one cgroup, each once; those of the cpu controller first."""
        found = []
        for root in (self.cpu, self.usage):
            folder = os.fsencode(root) + path
            if folder not in found:
                found.append(folder)
        return found


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _join(folder, name):
    return os.path.join(folder, os.fsencode(name))


def _remove(folder):
    """With all below it. Processes that are just ending keep it busy for a moment."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            _remove(entry.path)

    def removed():
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        return True
    until(removed, f"removing {folder!r}")


class Cgroup:
    """Made at once; removed at the end of the process at the latest."""

    def __init__(self, hierarchies, path):
        self.hierarchies = hierarchies
        self.raw = os.fsencode(path)
        self.folders = hierarchies.folders(self.raw)
        cleanup.at_end(self.remove)
        self.make()

    @property
    def path(self):
        """As the label `cgroup` has it, if it is valid UTF-8."""
        return self.raw.decode()

    def make(self):
        if self.hierarchies.v2:
            _write(_join(os.path.dirname(self.folders[0]), "cgroup.subtree_control"), "+cpu")
        for folder in self.folders:
            os.mkdir(folder)

    def remove(self):
        for folder in self.folders:
            if os.path.isdir(folder):
                _remove(folder)

    def child(self, name):
        return Cgroup(self.hierarchies, self.raw + b"/" + os.fsencode(name))

    def procs_files(self):
        """To join it, for tl_load."""
        return ",".join(os.fsdecode(_join(folder, "cgroup.procs")) for folder in self.folders)

    def prefix(self):
        """Of a command that shall run in it."""
        return ["sh", "-c", 'IFS=,; for file in $0; do echo $$ > "$file"; done; exec "$@"',
                self.procs_files()]

    def _burst_file(self):
        return _join(self.folders[0],
                     "cpu.max.burst" if self.hierarchies.v2 else "cpu.cfs_burst_us")

    def has_burst(self):
        return os.path.exists(self._burst_file())

    def may_burst(self):
        """It has a limit, and that has a burst."""
        return (self.limit_cores() is not None and self.has_burst()
                and int(_read(self._burst_file())) > 0)

    def limit(self, quota_us, period_us=100_000, burst_us=0):
        folder = self.folders[0]
        if self.hierarchies.v2:
            _write(_join(folder, "cpu.max"), f"{quota_us} {period_us}")
        else:
            _write(_join(folder, "cpu.cfs_period_us"), str(period_us))
            _write(_join(folder, "cpu.cfs_quota_us"), str(quota_us))
        if burst_us:
            _write(self._burst_file(), str(burst_us))

    def clear_limit(self):
        if self.hierarchies.v2:
            _write(_join(self.folders[0], "cpu.max"), "max")
        else:
            _write(_join(self.folders[0], "cpu.cfs_quota_us"), "-1")

    def weigh(self, times):
        """That many times the weight a cgroup has by itself."""
        name, weight = ("cpu.weight", 100) if self.hierarchies.v2 else ("cpu.shares", 1024)
        _write(_join(self.folders[0], name), str(weight * times))

    def usage(self):
        """Seconds."""
        if not self.hierarchies.v2:
            return int(_read(_join(self.folders[-1], "cpuacct.usage"))) / 1e9
        return self._stat()["usage_usec"] / 1e6

    def _stat(self):
        lines = _read(_join(self.folders[0], "cpu.stat")).splitlines()
        return {name: int(value) for name, value in (line.split() for line in lines)}

    def limit_cores(self):
        """None without a limit."""
        folder = self.folders[0]
        if self.hierarchies.v2:
            quota, period = _read(_join(folder, "cpu.max")).split()
        else:
            quota = _read(_join(folder, "cpu.cfs_quota_us")).strip()
            period = _read(_join(folder, "cpu.cfs_period_us"))
        return None if quota in ("max", "-1") else int(quota) / int(period)

    def bandwidth(self):
        """Counters of cpu.stat by the ends of the names of the metrics that show them, in seconds;
        what the kernel has."""
        stat = self._stat()
        found = {}
        for metric, names in {"cfs_periods": {"nr_periods": 1},
                              "cfs_throttled_periods": {"nr_throttled": 1},
                              "throttled_seconds": {"throttled_time": 1e9, "throttled_usec": 1e6},
                              "cfs_burst_periods": {"nr_bursts": 1},
                              "burst_seconds": {"burst_time": 1e9, "burst_usec": 1e6}}.items():
            for name, scale in names.items():
                if name in stat:
                    found[metric + "_total"] = stat[name] / scale
        return found
