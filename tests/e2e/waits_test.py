#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What threads waited for, whose quota it was, and the word for it: of cgroups and of containers of
real pods, held against the run delay the kernel keeps of every thread and its throttled time.

usage: waits_test.py THROTTLELENS TL_LOAD [unittest arguments]
"""

import os
import re
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "lib"),
                os.path.join(os.path.dirname(_HERE), "support", "testbed")]

# pylint: disable=wrong-import-position
import cleanup
import proc
import worker
from deadline import until, until_agreed
from pods import CONTAINER, WithPods, container_row, own, pod_row, sandbox
from scenario import MOST, Row, Scenario, command, load_program, main
from testbed import Existing
from waits import CAUSES, InCgroup, InContainer, Scene, Told
from watcher import Watcher
from worker import Worker

LIMITED = 20_000  # us of 100 ms
WORK = ("--duration", "2500ms")
LONGER = ("--duration", "2800ms")  # no CPU has a moment of rest while the others are at work


class Comparisons:
    """Of the players of a scene."""

    def test_losses(self):
        """Few parts of waits went unseen, and no episode is gone."""
        samples = self.daemon_samples()
        told = {name: samples.value(f"throttlelens_probe_{name}_total") for name in (
            "partial_waits", "lost_episodes", "lost_switches", "missed_windows")}
        switches = proc.context_switches() - self.switches_before
        print(f"\n  of {switches} context switches: {told}")
        self.assertEqual(told["lost_episodes"], 0)
        self.assertLess(told["partial_waits"], 50 + 0.01 * switches)

    def assert_near(self, ours, kernel, player, what):
        """Within 1 %, and for every worker 1 ms: waits begin and end on clocks that are read a
        little apart, and a thread comes to rest through a few short ones."""
        bound = kernel / 100 + 0.001 * player.workers
        print(f"  {what:34} {player.row.name[-28:]:28} {(ours - kernel) * 1e3:+9.3f} ms of "
              f"{kernel * 1e3:9.3f}, bound {bound * 1e3:.3f}")
        self.assertAlmostEqual(ours, kernel, delta=bound, msg=f"{what} of {player.row.name}")

    def assert_run_delay(self, player):
        self.assertGreater(player.kernel.run_delay, 0.001)
        self.assert_near(player.told.throttle + player.told.contention, player.kernel.run_delay,
                         player, "waits - run delay")

    def assert_throttle(self, player):
        """One thread a CPU: while its queue is throttled, it waits."""
        self.assertGreater(player.kernel.throttled, 0.1)
        self.assert_near(player.told.throttle, player.kernel.throttled, player,
                         "throttle - throttled time")

    def assert_durations(self, player, of_one_thread=False):
        """Nothing waits now, so what ended is all there was."""
        told = player.last
        for cause in CAUSES:
            if cause not in told.durations:
                continue  # none of them was long
            total, count = told.durations[cause]
            self.assert_near(total, getattr(told, cause), player, f"{cause}: durations - waits")
            self.assertGreater(count, 0)
        if player.kernel.throttled > 0.1:
            self.assertIn("throttle", told.durations)
        if of_one_thread:
            _, count = told.durations["throttle"]
            self.assert_count(count, player, "waits for quota")

    def assert_count(self, count, player, what):
        """One thread waits, or is throttled, once a throttled period."""
        print(f"  {what:34} {player.row.name[-28:]:28} {count:.0f} of "
              f"{player.kernel.nr_throttled:.0f} throttled periods")
        self.assertGreater(player.kernel.nr_throttled, 10)
        self.assertAlmostEqual(count, player.kernel.nr_throttled, delta=1, msg=what)

    def assert_episodes(self, player, level):
        """Of one thread on one CPU."""
        self.assertEqual(set(player.last.episodes), {level}, player.row.name)
        self.assert_near(player.told.episodes_sum, player.kernel.throttled, player,
                         f"episodes ({level}) - throttled time")
        self.assert_count(player.told.episodes_count, player, f"episodes ({level})")

    def assert_idle(self, player, scene):
        """It had its CPU to itself, unless others use this machine: then no CPU was idle for some
        of the time it was throttled, and for all of that others had every CPU."""
        throttled = player.kernel.throttled
        others = max(0, scene.busy - player.kernel.usage)
        bound = throttled / 20 + others / proc.online_cpus()
        print(f"  throttled while idle {player.told.idle:.3f} s of {throttled:.3f} s, others had "
              f"{others:.3f} s of CPU, idle {scene.idle:.3f} s")
        self.assertLessEqual(player.told.idle, min(throttled * 1.01 + 0.001, scene.idle + 0.1))
        self.assertGreaterEqual(player.told.idle, throttled - bound)

    def assert_not_idle(self, player):
        print(f"  throttled while idle {player.told.idle:.3f} s of {player.kernel.throttled:.3f} s"
              " beside hogs")
        self.assertLess(player.told.idle * 20, player.kernel.throttled)

    def assert_lost(self, player):
        """What is neither CPU time nor a wait: the slices were longer than what was charged."""
        kernel = player.record.wall_ns / 1e9 - player.kernel.cpu - player.kernel.run_delay
        bound = abs(kernel) / 20 + 0.002
        print(f"  lost {player.row.name[-28:]:28} {player.told.lost} s, by clocks {kernel:.6f} s")
        self.assertAlmostEqual(player.told.lost or 0, kernel, delta=bound)

    def assert_no_throttle(self, player):
        self.assertEqual((player.last.throttle, player.last.idle, player.last.episodes),
                         (0, 0, {}), player.row.name)
        self.assertNotIn("throttle", player.last.durations)


class PlainWaits(Scenario, Comparisons):
    """Of cgroups that are no containers, and what Prometheus has of them in the end."""

    target_labels = {}

    @classmethod
    def before_start(cls):
        cls.stay_ahead()
        cls.switches_before = proc.context_switches()

    @classmethod
    def player(cls, scene, name, *arguments, quota=None, below=None):
        cgroup = (below or cls.top).child(name)
        scene.load(name, Row(cgroup), InCgroup(load_program(), cgroup), *arguments, quota=quota)
        return cgroup

    @classmethod
    def prepare(cls):
        cls.top.weigh(MOST)
        cls.apart = Scene(cls.daemon_samples)
        hog = cls.player(cls.apart, "hog", "--pin", "0", *WORK)
        cls.outer = cls.top.child("outer")
        cls.player(cls.apart, "inner", "--pin", "1", *WORK, quota=cls.outer, below=cls.outer)

        def set_quotas():
            for cgroup in (hog, cls.outer):
                cgroup.limit(LIMITED)
        cls.apart.play(set_quotas).finish()

        cls.crowd = Scene(cls.daemon_samples)
        limited = [cls.player(cls.crowd, "limited", "--pin", "0", *WORK),
                   cls.player(cls.crowd, "pair", "--threads", "2", "--pin", "0,1", *WORK),
                   cls.player(cls.crowd, "four", "--threads", "4", *WORK)]
        for cpu in ("0", "1"):
            cls.player(cls.crowd, "free-" + cpu, "--pin", cpu, *LONGER)
        cls.crowd.play(lambda: [cgroup.limit(LIMITED // 2) for cgroup in limited]).finish()
        cls.players = {**cls.apart.players, **cls.crowd.players}

    @classmethod
    def daemon_samples(cls):
        return cls.daemon.metrics(cls.below())

    def test_waits(self):
        print()
        for player in self.players.values():
            self.assert_run_delay(player)
        for name in ("hog", "limited", "pair", "inner"):
            self.assert_throttle(self.players[name])
        for name in ("free-0", "free-1"):
            self.assert_no_throttle(self.players[name])
        # Of the cgroup above the threads too.
        samples = self.daemon_samples()
        inner, outer = (Told(Row(cgroup), samples)
                        for cgroup in (self.outer, self.players["inner"].row.cgroup))
        for cause in CAUSES:
            self.assertAlmostEqual(getattr(inner, cause), getattr(outer, cause), delta=1e-6)

    def test_durations(self):
        print()
        for name, player in self.players.items():
            self.assert_durations(player, name in ("hog", "inner"))

    def test_episodes(self):
        print()
        self.assert_episodes(self.players["hog"], "self")
        self.assert_episodes(self.players["inner"], "ancestor")
        outer = Told(Row(self.outer), self.daemon_samples())
        self.assertEqual(set(outer.episodes), {"self"})
        self.assertEqual(outer.episodes["self"], self.players["inner"].last.episodes["ancestor"])

    def test_throttled_while_idle(self):
        print()
        self.assert_idle(self.players["hog"], self.apart)
        self.assert_not_idle(self.players["limited"])

    def test_lost(self):
        print()
        for name in ("free-0", "free-1"):
            self.assert_lost(self.players[name])

    def test_what_prometheus_has(self):
        """The same, bucket for bucket."""
        families = {"wait_seconds_total", "wait_duration_seconds", "throttle_episode_seconds",
                    "throttled_while_idle_seconds_total", "lost_seconds_total"}

        def chosen(samples, names):
            # Prometheus writes le="1" as it likes.
            return {(name, frozenset((k, float(v) if k == "le" else v) for k, v in labels)): value
                    for (name, labels), value in samples.items()
                    if name.removeprefix("throttlelens_cgroup_cpu_").removesuffix(
                        "_bucket").removesuffix("_sum").removesuffix("_count") in families
                    and dict(labels)["cgroup"] in names}

        # What is asleep for good.
        names = {player.row.cgroup.path for player in self.players.values()}

        def same():
            told = chosen(self.daemon_samples(), names)
            self.assertGreater(len(told), 100)
            self.assertEqual(chosen(self.stored(), names), told)
        until_agreed(same)


class PodWaits(WithPods, Comparisons):
    """Of containers, with limits of their own, of their pods, and above them."""

    @classmethod
    def before_start(cls):
        super().before_start()
        cls.stay_ahead()
        cls.switches_before = proc.context_switches()

    @classmethod
    def app(cls, namespace, name, beside=True, qos="guaranteed"):
        """A container that waits for loads, and maybe one without a limit, so that the pod has
        none."""
        pod = cls.bed.run_pod(own(namespace), name, qos=qos)
        app = pod.add("app", worker.COMMAND)
        if beside:
            pod.add("side", ["sleep", "1000000"])
        row = container_row(app)
        return app, row, Worker(app)

    @classmethod
    def prepare(cls):
        Existing(cls.hierarchies, cls.bed.root_cgroup).weigh(MOST)
        names = {"own": (), "pod": (False,), "both": (False,), "ancestor": (True, "burstable"),
                 "limited": (), "pair": (), "free-0": (), "free-1": ()}
        cls.made = dict(zip(names, cls.bed.each(lambda n: cls.app("waits", n, *names[n]), names)))
        app = {name: app for name, (app, _, _) in cls.made.items()}
        pod = app["pod"].pod.kernel
        above = Existing(cls.hierarchies, cls.bed.root_cgroup + "/kubepods/burstable")
        cores = LIMITED / 100_000

        def set_quotas():
            app["own"].update(limit=cores)
            app["both"].update(limit=cores)  # and so its pod, of which it is all
            pod.limit(LIMITED)
            above.limit(LIMITED)
        cls.apart = cls.scene(set_quotas, {"pod": pod, "ancestor": above}, {
            "own": ("--pin", "0", *WORK), "pod": ("--pin", "1", *WORK),
            "ancestor": ("--pin", "0", *WORK), "both": ("--pin", "1", *WORK)})

        def set_smaller():
            for name in ("limited", "pair"):
                app[name].update(limit=cores / 2)
        cls.crowd = cls.scene(set_smaller, {}, {
            "limited": ("--pin", "0", *WORK), "pair": ("--threads", "2", "--pin", "0,1", *WORK),
            "free-0": ("--pin", "0", *LONGER), "free-1": ("--pin", "1", *LONGER)})
        cls.players = {**cls.apart.players, **cls.crowd.players}

    @classmethod
    def scene(cls, set_quotas, quotas, arguments):
        scene = Scene(cls.daemon_samples)
        for name, one in arguments.items():
            _, row, load = cls.made[name]
            scene.load(name, row, InContainer(load), *one, quota=quotas.get(name))
        return scene.play(set_quotas).finish()

    @classmethod
    def daemon_samples(cls):
        return cls.daemon.metrics(cls.below())

    def test_waits(self):
        print()
        for player in self.players.values():
            self.assert_run_delay(player)
        for name in ("own", "pod", "ancestor", "limited", "pair"):
            self.assert_throttle(self.players[name])
        for name in ("free-0", "free-1"):
            self.assert_no_throttle(self.players[name])

    def test_durations(self):
        print()
        for name, player in self.players.items():
            self.assert_durations(player, name in ("own", "pod", "ancestor"))

    def test_episodes(self):
        print()
        for name, level in {"own": "container", "pod": "pod", "ancestor": "ancestor"}.items():
            self.assert_episodes(self.players[name], level)
        # Quotas of the same size run out together.
        both = self.players["both"]
        print(f"  a container's and its pod's quota alike: {both.last.episodes}")
        self.assertLessEqual(set(both.last.episodes), {"container", "pod"})
        self.assertGreater(both.told.episodes_count, 15)

    def test_not_throttled_while_idle(self):
        print()
        self.assert_not_idle(self.players["limited"])

    def test_lost(self):
        print()
        for name in ("free-0", "free-1"):
            self.assert_lost(self.players[name])

    def test_restarted(self):
        """A container that comes back goes on counting, and nothing ever falls."""
        print()
        app, row, load = self.app("waits", "restarted")
        watcher = Watcher(self.daemon, rb"throttlelens_container_cpu_.*" + own("waits").encode() +
                          rb'",pod="restarted"')
        self.addCleanup(watcher.stop)

        def play():
            scene = Scene(self.daemon_samples)
            scene.load("app", row, InContainer(load), "--pin", "0", "--duration", "2s")
            return scene.play(lambda: app.update(limit=LIMITED / 100_000))

        first = play()
        player = first.players["app"]
        self.assert_run_delay(player)
        self.assert_throttle(player)
        self.assert_episodes(player, "container")
        self.assert_idle(player, first)
        whole = player.last
        app.restart()
        load, row = Worker(app), container_row(app)
        until(lambda: [labels for labels, _ in self.daemon_samples().rows(
            "throttlelens_container_info") if labels["container_id"] == app.id], "its new id")
        second = play().finish()
        player = second.players["app"]
        self.assert_run_delay(player)
        self.assert_throttle(player)
        # Both lives: what was told of the first, and what the kernel counted in the second. Between
        # them runc came and went in there.
        for name in ("throttle", "contention", "idle", "episodes_sum"):
            between = (getattr(player.last, name) - getattr(whole, name)
                       - getattr(player.told, name))
            print(f"  {name} while it was restarted: {between * 1e3:.3f} ms")
            self.assertGreaterEqual(between, -1e-9, name)
            self.assertLess(between, 0.3, name)
        watcher.stop()

        highest, falls, grown = {}, [], set()
        for _, _, samples in watcher.answers():
            for (name, labels), value in samples.items():
                if not re.search("_(total|sum|count|bucket)$", name) or "limit_util" in name:
                    continue
                before = highest.get((name, labels), 0)
                if value < before:
                    falls.append((name, dict(labels), before, value))
                elif value > before:
                    grown.add(name.removeprefix(CONTAINER))
                highest[name, labels] = max(before, value)
        self.assertEqual(falls, [])
        self.assertLessEqual({
            "wait_seconds_total", "wait_duration_seconds_sum", "wait_duration_seconds_count",
            "throttle_episode_seconds_sum", "throttle_episode_seconds_count",
            "throttled_while_idle_seconds_total"}, grown)


class Words(WithPods):
    """WHY of `top`, and the waits beside it, for pods that are held back by one thing each."""

    @classmethod
    def before_start(cls):
        super().before_start()
        cls.stay_ahead()

    WORDS = "fine", "pod quota", "ancestor quota", "quota", "neighbours", "own threads"

    @classmethod
    def prepare(cls):
        Existing(cls.hierarchies, cls.bed.root_cgroup).weigh(MOST)
        cls.file = os.path.join(cleanup.folder(), "top.yaml")
        with open(cls.file, "w", encoding="utf-8") as file:
            file.write(cls.config)

    def run_app(self, name, *arguments, qos="burstable", **options):
        pod = self.bed.run_pod(own("w"), name, qos=qos)
        return pod.add("app", ["tl_load", "--duration", "0", *arguments], **options)

    def table(self):
        """name of a pod -> (quota wait, CPU wait, word), each wait as it stands there."""
        text = command("top", "--config", self.file, "--rows", "1000", prefix=self.prefix)
        found = {}
        for line in text.splitlines():
            match = re.match(rf"{own('w')}/(\S+)/app +(.+?) +({'|'.join(self.WORDS)}) +\S+ +\S+$", line)
            if match:
                found[match[1]] = *match[2].split()[-2:], match[3]
        return found, text

    def assert_words(self, expected):
        def shown():
            found, text = self.table()
            self.assertEqual({name: word for name, (_, _, word) in found.items()}, expected, text)
            return found, text
        found, text = until_agreed(shown, 60)
        print("\n" + "\n".join(line for line in text.splitlines() if own("w") in line))
        return found

    @staticmethod
    def seconds(text):
        number, unit = re.fullmatch(r"([0-9.]+)(us|ms|s|)", text).groups()
        return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "": 1}[unit]

    def test_1_own_threads(self):
        """More threads than CPUs, and nobody else."""
        app = self.run_app("crowded", "--threads", str(3 * proc.online_cpus()))
        self.addCleanup(app.pod.remove)
        found = self.assert_words({"crowded": "own threads"})
        _, waited, _ = found["crowded"]
        # All but those that run.
        self.assertGreater(self.seconds(waited), 1.5 * proc.online_cpus())

    def test_2_others(self):
        self.run_app("quota", "--pin", "0", limit=0.1).pod.add("side", ["sleep", "1000000"])
        inside = self.run_app("inside", "--pin", "0")
        inside.pod.kernel.limit(10_000)
        self.run_app("above", "--pin", "0", qos="besteffort")
        Existing(self.hierarchies, self.bed.root_cgroup + "/kubepods/besteffort").limit(10_000)
        for name in ("victim", "rival"):
            self.run_app(name, "--pin", str(proc.online_cpus() - 1))
        # Enough shares not to wait for anybody.
        self.run_app("calm", "--busy", "1ms", "--idle", "99ms", qos="guaranteed",
                     request=8)
        before, began = inside.pod.kernel.bandwidth(), proc.mono()
        found = self.assert_words({"quota": "quota", "inside": "pod quota",
                                   "above": "ancestor quota", "victim": "neighbours",
                                   "rival": "neighbours", "calm": "fine"})
        throttled = (inside.pod.kernel.bandwidth()["throttled_seconds_total"]
                     - before["throttled_seconds_total"])
        rate = throttled / ((proc.mono() - began) / 1e9)
        # The table's is of the last five seconds, the kernel's of a little more.
        self.assertAlmostEqual(self.seconds(found["inside"][0]), rate, delta=0.1)
        self.assertAlmostEqual(self.seconds(found["victim"][1]), 0.5, delta=0.3)
        self.assertLess(self.seconds(found["calm"][0]), 0.001)


if __name__ == "__main__":
    sys.exit(main(__doc__))
