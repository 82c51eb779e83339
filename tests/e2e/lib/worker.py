# SPDX-License-Identifier: Apache-2.0
"""A container that runs one load after the other, each told from outside, and lives on between
them: so the kernel can still be asked when the load is at rest."""

import contextlib
import errno
import json
import os
import re
import signal

from deadline import until
from load import Record

# Waits without using CPU.
COMMAND = ["sh", "-c", "mkfifo /tmp/told; while read -r line < /tmp/told; do tl_load $line; done"]


class Worker:
    """Of a container that was started with COMMAND; `container` is one of the test bed's."""

    def __init__(self, container):
        self.container = container
        self.told = 0

    def tell(self, *arguments):
        """Of tl_load; only when the load before has ended."""
        path = f"/proc/{self.container.pid}/root/tmp/told"

        def written():
            try:
                pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENXIO):
                    raise
                return False  # nobody reads yet
            with os.fdopen(pipe, "w") as file:
                file.write(" ".join(arguments) + "\n")
            return True
        until(written, f"{self.container.id} listening")
        self.told += 1

    def _documents(self):
        text, at, found = re.sub("^done$", "", self.container.log(), flags=re.M), 0, []
        while text[at:].strip():
            at += len(text[at:]) - len(text[at:].lstrip())
            try:
                document, at = json.JSONDecoder().raw_decode(text, at)
            except json.JSONDecodeError:
                break  # more is to come
            found.append(document)
        return found

    def finish(self, patience=60):
        """What the last load recorded."""
        documents = until(lambda: len(found := self._documents()) == self.told and found,
                          lambda: f"the end of load {self.told}:\n{self.container.log()[-2000:]}",
                          patience)
        return Record(documents[-1])

    def lingers(self):
        """The last load, told to linger, has done its work; so did those before it."""
        return len(re.findall("^done$", self.container.log(), re.M)) == self.told

    def end(self):
        """What a load that lingers recorded."""
        with open(f"{self.container.folder}/cgroup.procs", encoding="utf-8") as file:
            pids = file.read().split()
        for pid in pids:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                    if file.read() == "tl_load\n":
                        os.kill(int(pid), signal.SIGTERM)
        return self.finish()

    def run(self, *arguments):
        self.tell(*arguments)
        return self.finish()

    def restart(self):
        self.container.restart()
        self.told = 0
