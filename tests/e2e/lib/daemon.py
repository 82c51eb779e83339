# SPDX-License-Identifier: Apache-2.0
"""The daemon under test, on a free port and in a folder of its own."""

import os
import urllib.request

import cleanup
import exposition
from process import Process


class Daemon(Process):
    """`throttlelens run`; `prefix` is put before it, as in setpriv ... throttlelens run."""

    def __init__(self, binary, config=None, prefix=()):
        # Own folders for what it might leave: its working directory and its temporary files.
        self.left_here = cleanup.folder(0o777)
        options = []
        if config is not None:
            path = os.path.join(cleanup.folder(0o755), "config.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(config)
            options = ["--config", path]
        env = {k: v for k, v in os.environ.items() if k != "THROTTLELENS_CONFIG"}
        super().__init__([*prefix, binary, "run", "--listen", "127.0.0.1:0", *options],
                         cwd=self.left_here, env=dict(env, TMPDIR=self.left_here))
        self.address = self.wait_for_log(r"metrics at http://(\S+)/metrics")[1]
        self.port = int(self.address.rpartition(":")[2])

    def get(self, path, timeout=10):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=timeout) as answer:
            return answer.read()

    def metrics_text(self, timeout=10):
        return self.get("/metrics", timeout)

    def metrics(self, below=None):
        return exposition.parse(self.metrics_text(), below)
