# SPDX-License-Identifier: Apache-2.0
"""The kernel's last word on a cgroup that is about to go."""

import threading
import time

import proc


class Last:
    """Reads its counters again and again until it is gone: its processes end a while before it
    does, so the last reading is final."""

    def __init__(self, cgroup):
        self._cgroup = cgroup
        self._usage, self._bandwidth = cgroup.usage(), cgroup.bandwidth()
        self.gone_at = None  # CLOCK_MONOTONIC, not before it was gone
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while True:
            try:
                self._usage, self._bandwidth = self._cgroup.usage(), self._cgroup.bandwidth()
            except OSError:
                self.gone_at = proc.mono()
                return
            time.sleep(0.0005)  # the test has other things to do

    def wait(self, patience=20):
        """Once the cgroup was removed."""
        self._thread.join(timeout=patience)
        if self.gone_at is None:
            raise AssertionError(f"{self._cgroup.path} is still there after {patience} s")
        return self

    def usage(self):
        return self._usage

    def bandwidth(self):
        return self._bandwidth

    @property
    def path(self):
        return self._cgroup.path
