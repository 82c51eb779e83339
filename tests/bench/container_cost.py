#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What containers cost the daemon, beside cgroups that are none: made and removed in both shapes
alternately, so that the machine's mood is the same for both.

usage: container_cost.py THROTTLELENS [--count N] [--rounds N]
"""

import argparse
import json
import os
import statistics
import sys
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e", "lib"))

# pylint: disable=wrong-import-position
import cleanup
from cgroups import Hierarchies
from daemon import Daemon
from deadline import until

CONFIG = """\
runtimes: {{containerd: [{state}], crio: [], docker: [], podman: []}}
limits: {{keep_ended: 0s, max_cgroups: 65535, max_series: 4000000}}
"""


def bundle(namespace, pod, container, uid):
    """As containerd writes it, its environment included."""
    cri = "io.kubernetes.cri."
    return json.dumps({
        "ociVersion": "1.0.2",
        "process": {"args": ["sleep", "1"], "env": [f"NAME_{i}=value-{i:040}" for i in range(60)]},
        "mounts": [{"destination": f"/mount/{i}", "type": "bind", "source": f"/source/{i}",
                    "options": ["rbind", "rprivate", "rw"]} for i in range(20)],
        "annotations": {cri + "container-name": container, cri + "container-type": "container",
                        cri + "sandbox-name": pod, cri + "sandbox-namespace": namespace,
                        cri + "sandbox-uid": uid, cri + "image-name": "registry/image:tag"},
        "linux": {"resources": {"cpu": {"shares": 256}}}}).encode()


class Cgroups:
    """One above all, and below it as many as asked for, as containers or as something else."""

    def __init__(self, top, state):
        self.top, self.state = top, state
        self.hierarchies = Hierarchies()
        self.made = []
        cleanup.at_end(self.close)

    def folders(self, path):
        return self.hierarchies.folders(os.fsencode(path))

    def make(self, path):
        for folder in self.folders(path):
            os.makedirs(folder, exist_ok=True)
        self.made.append(path)

    def make_many(self, count, containers):
        uid = str(uuid.uuid4())
        parent = f"{self.top}/kubepods/burstable/pod{uid}" if containers else f"{self.top}/jobs/{uid}"
        self.make(parent)
        for number in range(count):
            name = f"{number:032x}{uuid.uuid4().hex}"
            if containers:
                folder = os.path.join(self.state, "io.containerd.runtime.v2.task", "k8s.io", name)
                os.makedirs(folder)
                with open(os.path.join(folder, "config.json"), "wb") as file:
                    file.write(bundle("bench", "pod", f"c{number}", uid))
            else:
                name = "job+" + name  # which no container of containerd can be called
            self.make(f"{parent}/{name}")

    def remove(self):
        for path in reversed(self.made):
            for folder in self.folders(path):
                os.rmdir(folder)
        self.made.clear()

    def close(self):
        self.remove()
        for below in ("kubepods/burstable", "kubepods", "jobs", ""):
            for folder in self.folders(f"{self.top}/{below}".rstrip("/")):
                if os.path.isdir(folder):
                    os.rmdir(folder)


def rows(daemon, containers, top):
    samples = daemon.metrics()
    if containers:
        info = samples.rows("throttlelens_container_info")
        return sum(labels["namespace"] == "bench" for labels, _ in info)
    usage = samples.rows("throttlelens_cgroup_cpu_usage_seconds_total")
    return sum(labels["cgroup"].startswith(f"{top}/jobs/") and "+" in labels["cgroup"]
               for labels, _ in usage)


def sampler_seconds(daemon):
    """Of the thread that measures; answering our questions is other threads' work."""
    with open(f"/proc/{daemon.pid}/task/{daemon.pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def resident(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


class Stretch:
    """What the sampler used since it was begun, beyond what it uses at rest."""

    def __init__(self, daemon, rest):
        self.daemon, self.rest = daemon, rest
        self.begin, self.used = time.monotonic(), sampler_seconds(daemon)

    def cost(self):
        used = sampler_seconds(self.daemon) - self.used
        return used - self.rest * (time.monotonic() - self.begin)


def measure(daemon, cgroups, count, containers):
    """CPU seconds to know them and to let them go, and the resident bytes they added."""
    rest = Stretch(daemon, 0)
    time.sleep(2)
    rest = rest.cost() / 2
    memory, stretch = resident(daemon), Stretch(daemon, rest)
    cgroups.make_many(count, containers)
    until(lambda: rows(daemon, containers, cgroups.top) == count, "all rows", 60)
    made, memory = stretch.cost(), resident(daemon) - memory
    stretch = Stretch(daemon, rest)
    cgroups.remove()
    until(lambda: rows(daemon, containers, cgroups.top) == 0, "no rows", 60)
    return made, stretch.cost(), memory


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("daemon")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    state = cleanup.folder()
    daemon = Daemon(options.daemon, CONFIG.format(state=state))
    cgroups = Cgroups(f"/throttlelens-bench-{os.getpid()}", state)
    results = {True: [], False: []}
    for number in range(options.rounds + 1):
        for containers in results:
            result = measure(daemon, cgroups, options.count, containers)
            if number > 0:  # the first round fills the allocator's pools
                results[containers].append(result)
    print(f"| {options.count} of them | made, us each | removed, us each | resident, KiB each |")
    print("|---|--:|--:|--:|")
    medians = {kind: [statistics.median(column) / options.count for column in zip(*all_of_it)]
               for kind, all_of_it in results.items()}
    for kind, name in ((False, "cgroups"), (True, "containers")):
        made, gone, memory = medians[kind]
        print(f"| {name} | {made * 1e6:.0f} | {gone * 1e6:.0f} | {memory / 1024:.1f} |")
    made, gone = (medians[True][i] / medians[False][i] for i in (0, 1))
    print(f"| ratio | {made:.1f} | {gone:.1f} | |")


if __name__ == "__main__":
    cleanup.on_signals()
    main()
