# SPDX-License-Identifier: Apache-2.0
"""tl_load in a cgroup: an exact load, and its own record of what it used per window."""

import json
import subprocess
import threading

from process import Process

WINDOW_NS = 100_000_000


class Load(Process):
    def __init__(self, binary, cgroup, *arguments):
        super().__init__([binary, "--cgroup-procs", cgroup.procs_files(), *arguments],
                         stdout=subprocess.PIPE)
        self.cgroup = cgroup
        self._output = b""
        # A pipe nobody reads would hold the load up.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        self._output = self.popen.stdout.read()

    def finish(self, patience=60):
        """Waits for its end and returns what it recorded."""
        code = self.popen.wait(timeout=patience)
        self._reader.join(timeout=patience)
        if code != 0:
            raise AssertionError(f"the load ended with {code}: {self.log()}")
        return Record(json.loads(self._output))


class Record:
    """CPU time per window of 100 ms, all threads together, and how sure that is."""

    beside_ns = 0  # what others in its cgroup used, some time before or after

    def __init__(self, document):
        assert document["window_ns"] == WINDOW_NS
        self.used, self.doubt = {}, {}
        for thread in document["threads"]:
            for window in thread["windows"]:
                index = window["index"]
                # What the process does before its threads run and after they ended is not theirs.
                edge = 5_000_000 if window.get("partial") else 0
                self.used[index] = self.used.get(index, 0) + window["cpu_ns"]
                self.doubt[index] = self.doubt.get(index, 0) + window["error_ns"] + edge
        self.cpu_ns = sum(self.used.values())
        self.wall_ns = sum(thread["wall_ns"] for thread in document["threads"])
        self.iterations = sum(thread["iterations"] for thread in document["threads"])
        self.first, self.last = min(self.used), max(self.used)

    def window(self, index, factor):
        """Use and doubt, in ns, of window `index` of `factor` base windows."""
        inside = range(index * factor, (index + 1) * factor)
        alone = inside[0] >= self.first and inside[-1] <= self.last
        return (sum(self.used.get(i, 0) for i in inside),
                sum(self.doubt.get(i, 0) for i in inside) + (0 if alone else self.beside_ns))

    def windows(self, factor):
        """All windows of that length that the load ran in."""
        return [self.window(i, factor)
                for i in range(self.first // factor, self.last // factor + 1)]
