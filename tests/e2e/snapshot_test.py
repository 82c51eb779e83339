#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""/api/v1/snapshot of a real daemon: against its schema, against /metrics, against the load.

usage: snapshot_test.py THROTTLELENS TL_LOAD [unittest arguments]
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "lib"), os.path.join(os.path.dirname(_HERE), "support")]

# pylint: disable=wrong-import-position
from deadline import until, until_agreed
from hand_made_test import HandMade
from needs import need
from pods import own
from scenario import Scenario, main

try:
    import snapshot_schema
except ImportError:
    snapshot_schema = None

ROW = "throttlelens_cgroup_cpu_"
COUNTERS = {"usage_seconds": ROW + "usage_seconds_total",
            "periods": ROW + "cfs_periods_total",
            "throttled_periods": ROW + "cfs_throttled_periods_total",
            "throttled_seconds": ROW + "throttled_seconds_total"}
HELD_BACK = {"quota", "pod quota", "ancestor quota", "neighbours", "own threads"}


class Snapshot(Scenario):
    """A cgroup that its quota holds back, and one that runs as it likes."""

    knows_waits = True

    @classmethod
    def before_start(cls):
        need(snapshot_schema, "jsonschema is not installed (apt-get install python3-jsonschema)")

    @classmethod
    def prepare(cls):
        cls.held, cls.calm = cls.top.child("held"), cls.top.child("calm")
        cls.held.limit(20_000)
        cls.load(cls.held, "--duration", "600s", "--threads", "2")
        cls.load(cls.calm, "--duration", "600s", "--busy", "1ms", "--idle", "20ms")
        # Until the longest window was measured, with the limit in it.
        until(lambda: "cores" in (cls.row(cls.ask(), cls.held) or {"windows": [{}]})["windows"][-1],
              "the first window of 5 s")

    @classmethod
    def ask(cls, query=""):
        """A valid answer."""
        return snapshot_schema.checked(cls.daemon.get("/api/v1/snapshot" + query))

    @staticmethod
    def row(answer, cgroup):
        """None if there is no such row."""
        rows = [row for row in answer["cgroups"] if row["cgroup"] == cgroup.path]
        if len(rows) > 1:
            raise AssertionError(f"{cgroup.path} comes {len(rows)} times")
        return rows[0] if rows else None

    def refused(self, path, method="GET"):
        """Status and body of an answer that is none."""
        asked = urllib.request.Request(f"http://{self.daemon.address}{path}", method=method)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(asked, timeout=10)
        with caught.exception as answer:
            self.assertEqual(answer.headers["Content-Type"], "text/plain; charset=utf-8")
            return answer.code, answer.read().decode()

    def test_counters_are_between_two_scrapes(self):
        before, answer, after = self.scraped(), self.ask(), self.scraped()
        for cgroup in (self.top, self.held, self.calm):
            row = self.row(answer, cgroup)
            for key, metric in COUNTERS.items():
                bounds = [samples.value(metric, cgroup=cgroup.path) for samples in (before, after)]
                self.assertEqual([bound is None for bound in bounds], [key not in row] * 2, key)
                if key in row:
                    self.assertTrue(bounds[0] <= row[key] <= bounds[1], f"{key}: {row[key]} {bounds}")
            for cause in ("throttle", "contention"):
                bounds = [samples.value(ROW + "wait_seconds_total", cgroup=cgroup.path, cause=cause)
                          for samples in (before, after)]
                if None not in bounds:  # a scrape shows waits only once they tell something
                    value = row["waits"][cause + "_seconds"]
                    self.assertTrue(bounds[0] <= value <= bounds[1], f"{cause}: {value} {bounds}")
        self.assertGreater(self.row(answer, self.held)["throttled_periods"], 0)
        self.assertEqual("waits" in self.row(answer, self.held), self.knows_waits)

    def test_one_snapshot_is_the_same_in_both(self):
        """Asked within a window of each other they show the same snapshot."""
        def check():
            samples, answer = self.scraped(), self.ask()
            for cgroup in (self.held, self.calm):
                row = self.row(answer, cgroup)
                label = {"cgroup": cgroup.path}
                shown = {"usage": samples.value(ROW + "usage_seconds_total", **label),
                         "limit": samples.value(ROW + "limit_cores", **label)}
                said = {"usage": row["usage_seconds"], "limit": row.get("limit_cores")}
                for window, name in zip(row["windows"], ("100ms", "1s", "5s"), strict=True):
                    for key, metric in (("cores", "utilization_cores"),
                                        ("peak_cores", "window_peak_cores")):
                        shown[key, name] = samples.value(ROW + metric, window=name, **label)
                        said[key, name] = window.get(key)
                for key, value in said.items():
                    if value is None:
                        self.assertIsNone(shown[key], key)
                    else:  # metrics have fewer digits
                        self.assertAlmostEqual(value, shown[key], msg=key, delta=1e-12 * value)
                self.assertNotIn(None, (said["usage"], said["cores", "5s"]))
            for window, name in zip(answer["node"]["windows"], ("100ms", "1s", "5s"), strict=True):
                self.assertAlmostEqual(window["busy_cores"], delta=1e-12, second=samples.value(
                    "throttlelens_node_cpu_utilization_cores", window=name))
        until_agreed(check)

    def test_why(self):
        def check():
            row = self.row(self.ask(), self.held)
            if not self.knows_waits:
                self.assertNotIn("why", row)
                self.assertNotIn("throttle_wait_seconds", row["windows"][2])
                return
            self.assertEqual(row["why"], "quota")
            window = row["windows"][2]
            # Two threads want two cores and get 0.2 between them. On a busy machine a part of the
            # waiting is for others.
            self.assertGreater(window["throttle_wait_seconds"], 4)
            self.assertGreater(window["throttled_seconds"], 2)
            self.assertLessEqual(window["throttled_seconds"], 5)
            self.assertEqual(window["throttle_level"], "self")
            self.assertAlmostEqual(window["cores"], 0.2, delta=0.05)
        until_agreed(check)

    def test_top(self):
        for rows in (1, 3):
            answer = self.ask(f"?top={rows}")
            self.assertEqual(len(answer["cgroups"]), rows)
        answer = self.ask("?top=1000")
        order = [row.get("why", "fine") in HELD_BACK for row in answer["cgroups"]]
        self.assertEqual(order, sorted(order, reverse=True))
        self.assertEqual({row["cgroup"] for row in answer["cgroups"] if row["alive"]}
                         & {self.held.path, self.calm.path}, {self.held.path, self.calm.path})

    def test_head(self):
        asked = urllib.request.Request(f"http://{self.daemon.address}/api/v1/snapshot?top=1",
                                       method="HEAD")
        with urllib.request.urlopen(asked, timeout=10) as answer:
            self.assertEqual((answer.status, answer.read()), (200, b""))
            self.assertEqual(answer.headers["Content-Type"], "application/json")
            self.assertGreater(int(answer.headers["Content-Length"]), 100)

    def test_refusals(self):
        known = "known: duration, format, namespace, pod, sort, top, width\n"
        for query, said in {"color=red": "no parameter is called 'color'; " + known,
                            "top=0": "top='0' is not a whole number from 1 to 1000000\n",
                            "format=xml": "format='xml' is not known; known: table, wide, json, csv\n",
                            "pod=%": "'%' is no byte: after % come two hexadecimal digits\n",
                            "top=1&top=1": "top is there more than once\n"}.items():
            self.assertEqual(self.refused("/api/v1/snapshot?" + query), (400, said))
        self.assertEqual(self.refused("/api/v1/snapshot", "POST"), (405, "only GET and HEAD\n"))
        self.assertEqual(self.refused("/api/v1/snapshots")[0], 404)

    def test_the_page_leads_here(self):
        self.assertIn(b'<a href="/api/v1/snapshot">', self.daemon.get("/"))


class SnapshotCpustat(Snapshot):
    """The tier that knows no waits: what it cannot know has no key."""

    tier = "cpustat"
    config = "probe: {mode: cpustat}\n"
    knows_waits = False


class SnapshotContainers(HandMade):
    """Containers by name, with names nobody would choose among them."""

    NAMES = [(own("shop"), "cart-1", "app"), (own("shop"), "cart-2", "app"), (own("a&b=c+d %"), "ü\n\"", "\\x"),
             (own("odd"), b"\xff\xfe", b"\xc3(")]

    @classmethod
    def before_start(cls):
        need(snapshot_schema, "jsonschema is not installed (apt-get install python3-jsonschema)")
        super().before_start()

    @classmethod
    def prepare(cls):
        pods = cls.top.child("kubepods").child("burstable")
        cls.ids = []
        for names in cls.NAMES:
            namespace, pod, container = (
                name if isinstance(name, bytes) else json.dumps(name)[1:-1].encode()
                for name in names)
            made = cls.container(pods.child(f"pod{os.urandom(8).hex()}"),
                                 cls.bundle(container, pod, namespace))
            cls.load(made, "--duration", "600s", "--busy", "1ms", "--idle", "50ms")
            cls.ids.append(os.path.basename(made.path))

    def ours(self, query=""):
        rows = snapshot_schema.checked(self.daemon.get("/api/v1/snapshot" + query))["containers"]
        return [row for row in rows if row["container_id"] in self.ids]

    def test_names(self):
        def check():
            found = {(row["namespace"], row["pod"], row["container"]) for row in self.ours()}
            info = {(labels.get("namespace"), labels.get("pod"), labels["container"])
                    for labels, _ in self.daemon.metrics().rows("throttlelens_container_info")
                    if labels["container_id"] in self.ids}
            self.assertEqual(found, info)
            self.assertEqual(len(found), len(self.NAMES))
            self.assertLessEqual(set(self.NAMES[:3]), found)
        until_agreed(check)

    def test_filters(self):
        until_agreed(lambda: self.assertEqual(len(self.ours()), len(self.NAMES)))
        for row in self.ours():
            query = urllib.parse.urlencode({key: row[key] for key in ("namespace", "pod")})
            self.assertEqual([one["container_id"] for one in self.ours("?" + query)],
                             [row["container_id"]], query)
        self.assertEqual(len(self.ours("?namespace=" + own("shop"))), 2)
        self.assertEqual(self.ours("?namespace=" + own("shop")[:-1]), [])
        self.assertEqual(len(self.ours("?top=1&namespace=" + own("shop"))), 1)


if __name__ == "__main__":
    sys.exit(main(__doc__))
