# SPDX-License-Identifier: Apache-2.0
"""A private Prometheus that scrapes a daemon once a second."""

import json
import os
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import cleanup
from deadline import until
from exposition import Samples
from process import Process

_CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: {rules}
scrape_configs:
  - {scrape}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def promtool_complaints(text):
    """What `promtool check metrics` says; nothing, if all is well."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          check=False, timeout=60)
    said = (done.stdout + done.stderr).decode(errors="replace").strip()
    return said or ("" if done.returncode == 0 else f"exit code {done.returncode}")


class Prometheus(Process):
    """It takes 5 s until its first scrape, which is not waited for here: there is enough to do."""

    def __init__(self, target, labels, rules=(), prefix=(), more_targets=(), scrape=None):
        """`labels` are the target's, as a service discovery would give it; `rules` are paths of
        files. `prefix` is put before the command. More targets are pairs of both. `scrape` is what
        is to be added to the configuration of scrapes."""
        folder = cleanup.folder()
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as file:
            targets = [{"targets": [one], "labels": given}
                       for one, given in [(target, labels), *more_targets]]
            job = {"job_name": "throttlelens", "honor_labels": True, "static_configs": targets,
                   **(scrape or {})}
            file.write(_CONFIG.format(scrape=json.dumps(job), rules=json.dumps(list(rules))))
        self._target_labels = {"job", "instance", *labels.items()}
        self.url = f"http://127.0.0.1:{free_port()}"
        super().__init__(
            [*prefix, "prometheus", f"--config.file={config}", f"--web.listen-address={self.url[7:]}",
             f"--storage.tsdb.path={folder}/data", "--log.level=warn"],
            cwd=folder)

    def get(self, path, **parameters):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            document = json.load(answer)
        if document["status"] != "success" or document.get("warnings"):
            raise AssertionError(f"{path} {parameters}: {document}")
        return document["data"]

    def series(self, expression):
        """[(labels, value)] as stored, with the labels Prometheus adds."""
        return [(row["metric"], float(row["value"][1]))
                for row in self.get("query", query=expression)["result"]]

    def query(self, expression):
        """[(labels, value)], without the labels Prometheus adds."""
        return [({k: v for k, v in labels.items() if not self._target_labels & {k, (k, v)}}, value)
                for labels, value in self.series(expression)]

    def number(self, expression):
        """Of an expression with one result."""
        rows = self.query(expression)
        if len(rows) != 1:
            raise AssertionError(f"{expression} has {len(rows)} results: {rows[:3]}")
        return rows[0][1]

    def history(self, selector):
        """[(seconds since the epoch, value)]: the samples themselves, as they were stored."""
        rows = self.get("query", query=selector)["result"]
        if len(rows) != 1:
            raise AssertionError(f"{selector} has {len(rows)} series")
        return [(float(at), float(value)) for at, value in rows[0]["values"]]

    def latest(self, below=None):
        """What is known now, as if scraped from Prometheus. With a path, only of that cgroup and
        those below it, beside what belongs to none."""
        only = f',cgroup=~"({below}(/.*)?)?"' if below else ""
        samples = Samples()
        for labels, value in self.query(f'{{__name__=~"throttlelens_.+|process_.+"{only}}}'):
            name = labels.pop("__name__")
            samples[name, frozenset(labels.items())] = value
        return samples

    def wait_for_scrape(self, after=0):
        """Until a scrape that began later than `after`, in seconds since the epoch, is stored."""
        def scraped():
            if self.popen.poll() is not None:
                raise AssertionError(f"ended with {self.popen.returncode}:\n{self.log()}")
            try:
                return self.query(f"timestamp(up) > {after}")
            except urllib.error.URLError:
                return False  # still starting
        until(scraped, lambda: f"a scrape; Prometheus says:\n{self.log()}")

    def target(self):
        return self.get("targets")["activeTargets"][0]
