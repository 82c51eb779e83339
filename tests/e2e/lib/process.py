# SPDX-License-Identifier: Apache-2.0
"""A process of a test's own: its log collected, its end made sure of."""

import os
import re
import signal
import subprocess
import tempfile

import cleanup
from deadline import PATIENCE, until

# Even a test that is killed leaves no process behind.
_DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL"]


class Process:
    def __init__(self, command, **options):
        self._log = tempfile.TemporaryFile()
        options.setdefault("stdout", subprocess.DEVNULL)
        # The command replaces setpriv, so the process is the one that was started.
        self.popen = subprocess.Popen([*_DIES_WITH_US, *command], stdin=subprocess.DEVNULL,
                                      stderr=self._log, **options)
        self.pid = self.popen.pid
        cleanup.at_end(self.kill)

    def log(self):
        # pread, because the process writes through the same open file and its position.
        return os.pread(self._log.fileno(), 1 << 20, 0).decode(errors="replace")

    def wait_for_log(self, pattern):
        def found():
            match = re.search(pattern, self.log())
            if not match and self.popen.poll() is not None:
                raise AssertionError(f"ended with {self.popen.returncode}:\n{self.log()}")
            return match
        return until(found, lambda: f"{pattern!r} in the log:\n{self.log()}")

    def send(self, number):
        self.popen.send_signal(number)

    def end(self, number=signal.SIGTERM, patience=PATIENCE):
        """Exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(timeout=patience)

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        if self.popen.stdout:
            self.popen.stdout.close()
        self._log.close()
