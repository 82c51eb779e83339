# SPDX-License-Identifier: Apache-2.0
"""What threads waited for, from one moment of rest to the next: as rows tell it, and as the kernel
counts it of every thread and every quota. Seconds, all of it."""

import contextlib
import os
import re
import signal

import proc
from deadline import until
from load import Load

LEAD = 2_500_000_000  # to make all threads, in ns
CAUSES = "throttle", "contention"


def threads(cgroup):
    """Ids of all in it and below it."""
    name = b"cgroup.threads" if cgroup.hierarchies.v2 else b"tasks"
    found = set()
    for folder, _, _ in os.walk(cgroup.folders[0]):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found |= set(map(int, file.read().split()))
    return found


def asleep(tid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return proc.state(tid) == "S"
    return False


def _schedstat(tid):
    """(CPU time, run delay)"""
    with open(f"/proc/{tid}/task/{tid}/schedstat", encoding="utf-8") as file:
        cpu, delay, _ = file.read().split()
    return int(cpu) / 1e9, int(delay) / 1e9


class Kernel:
    """Of a cgroup whose threads are at rest; `quota` is the cgroup whose limit holds it back."""

    def __init__(self, cgroup, quota):
        self.threads = {tid: _schedstat(tid) for tid in threads(cgroup)}
        self.cpu = sum(cpu for cpu, _ in self.threads.values())
        self.run_delay = sum(delay for _, delay in self.threads.values())
        counters = quota.bandwidth()
        self.throttled = counters["throttled_seconds_total"]
        self.nr_throttled = counters["cfs_throttled_periods_total"]
        self.usage = cgroup.usage()

    def since(self, before):
        gone = set(before.threads) - set(self.threads)
        assert not gone, f"threads {gone} took with them what they had waited"
        return Since(self, before, ("cpu", "run_delay", "throttled", "nr_throttled", "usage"))


class Since:
    """Differences of some numbers."""

    def __init__(self, after, before, names):
        for name in names:
            a, b = getattr(after, name), getattr(before, name)
            setattr(self, name, None if a is None else a - (b or 0))


class Told:
    """By a row. Durations and episodes are (sum, count) of those there are."""

    def __init__(self, row, samples):
        def histograms(family, label):
            found = {}
            for labels, total in samples.rows(f"{row.prefix}{family}_sum"):
                if row.labels.items() <= labels.items():
                    count = row.value(samples, f"{family}_count", **{label: labels[label]})
                    found[labels[label]] = (total, count)
            return found
        for cause in CAUSES:
            setattr(self, cause, row.value(samples, "wait_seconds_total", cause=cause) or 0)
        self.idle = row.value(samples, "throttled_while_idle_seconds_total") or 0
        self.lost = row.value(samples, "lost_seconds_total")
        self.durations = histograms("wait_duration_seconds", "cause")
        self.episodes = histograms("throttle_episode_seconds", "level")
        self.episodes_sum = sum(total for total, _ in self.episodes.values())
        self.episodes_count = sum(count for _, count in self.episodes.values())

    def since(self, before):
        return Since(self, before, ("throttle", "contention", "idle", "lost", "episodes_sum",
                                    "episodes_count"))


class InCgroup:
    """tl_load in a cgroup, which lingers."""

    own_threads = 1  # beside the workers

    def __init__(self, binary, cgroup):
        self._binary, self._cgroup, self._load = binary, cgroup, None

    def start(self, *arguments):
        self._load = Load(self._binary, self._cgroup, *arguments)

    def done(self):
        if self._load.popen.poll() is not None:
            raise AssertionError(f"the load ended by itself: {self._load.log()}")
        return re.search("^done$", self._load.log(), re.M)

    def finish(self):
        self._load.send(signal.SIGTERM)
        return self._load.finish()


class InContainer:
    """The same in a container that runs worker.COMMAND."""

    own_threads = 3  # the shell, and the process that prints the record

    def __init__(self, worker):
        self._worker = worker

    def start(self, *arguments):
        self._worker.tell(*arguments)

    def done(self):
        return self._worker.lingers()

    def finish(self):
        return self._worker.end()


class Player:
    """A load and what is told and counted of it."""

    def __init__(self, row, load, arguments, quota):
        self.row, self.load, self.arguments = row, load, arguments
        self.quota = quota or row.cgroup
        named = dict(zip(arguments, arguments[1:]))
        self.workers = int(named.get("--threads", 1))
        self.misplaced = self.told = self.last = self.kernel = self.record = None

    def at_rest(self):
        there = threads(self.row.cgroup)
        return len(there) == self.workers + self.load.own_threads and all(map(asleep, there))


class Scene:
    """Loads that all start at once and stay when their work is done. `scrape` gives samples."""

    def __init__(self, scrape):
        self._scrape = scrape
        self.players = {}
        self.start = 0
        self.busy = self.idle = None  # CPU seconds of the node while they were at work

    def load(self, name, row, load, *arguments, quota=None):
        self.players[name] = Player(row, load, arguments, quota)

    def _look(self):
        """[(player, told, kernel)], of one moment of rest."""
        until(lambda: all(player.at_rest() for player in self.players.values()),
              lambda: f"rest; at work: {[n for n, p in self.players.items() if not p.at_rest()]}")
        kernel = [Kernel(player.row.cgroup, player.quota) for player in self.players.values()]
        samples = until(lambda: self._told(kernel), "what is told of this moment")
        return [(player, Told(player.row, samples), counted)
                for player, counted in zip(self.players.values(), kernel)]

    def _told(self, kernel):
        """Answers that agree in the use of all. What the kernel's counter misplaced when they were
        started stays as it is."""
        answers = [self._scrape() for _ in range(3)]
        if any(player.row.value(samples, "usage_seconds_total") is None
               for player in self.players.values() for samples in answers):
            return None
        wrong = [{player.row.value(samples, "usage_seconds_total") - k.usage
                  for samples in answers} for player, k in zip(self.players.values(), kernel)]
        if any(len(one) > 1 for one in wrong):
            return None
        for player, (value,) in zip(self.players.values(), wrong):
            if player.misplaced is None:
                player.misplaced = value
            elif abs(value - player.misplaced) > 2e-6:
                return None
        return answers[-1]

    def play(self, set_quotas=None):
        self.start = proc.mono() + LEAD
        for player in self.players.values():
            player.load.start("--start-at", str(self.start), "--linger", *player.arguments)
        # Making threads costs more than a small quota, so limits come when all are there.
        until(lambda: all(player.at_rest() for player in self.players.values()), "all threads")
        if set_quotas:
            set_quotas()
        before = self._look()
        assert proc.mono() < self.start, "the machine was too slow to make all threads in time"
        until(lambda: proc.mono() >= self.start, "the start")
        began, busy = proc.mono(), proc.node_busy()
        until(lambda: all(player.load.done() for player in self.players.values()), "their work", 60)
        self.busy = proc.node_busy() - busy
        self.idle = (proc.mono() - began) / 1e9 * proc.online_cpus() - self.busy
        for (player, told, kernel), (_, told_before, kernel_before) in zip(self._look(), before):
            player.last = told
            player.told, player.kernel = told.since(told_before), kernel.since(kernel_before)
        return self

    def finish(self):
        for player in self.players.values():
            player.record = player.load.finish()
        return self
