#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is rendered for /api/v1/snapshot against its schema.

usage: export_snapshot_schema_test.py PRINT_SNAPSHOT [unittest arguments]
"""

import copy
import csv
import io
import json
import os
import re
import subprocess
import sys
import unittest

_TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(_TESTS, "e2e", "lib"), os.path.join(_TESTS, "support")]

# pylint: disable=wrong-import-position
from needs import need

try:
    import jsonschema
    import snapshot_schema
except ImportError:
    jsonschema = None

PRINT_SNAPSHOT = ""


def keys(value):
    """Of objects, at any depth."""
    if isinstance(value, list):
        return set().union(*map(keys, value))
    if isinstance(value, dict):
        return set(value) | keys(list(value.values()))
    return set()


def properties(schema):
    """Names of all that a schema knows."""
    if isinstance(schema, list):
        return set().union(*map(properties, schema))
    if isinstance(schema, dict):
        return set(schema.get("properties", {})) | properties(list(schema.values()))
    return set()


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need(jsonschema, "jsonschema is not installed (apt-get install python3-jsonschema)")

    @staticmethod
    def printed(name, query=""):
        return subprocess.run([PRINT_SNAPSHOT, name, query], check=True,
                              capture_output=True).stdout

    def test_the_schema_is_one(self):
        jsonschema.Draft202012Validator.check_schema(snapshot_schema.schema())

    def test_all_snapshots_are_valid(self):
        for name in ("full", "full+", "hostile", "hostile+", "unknown", "unknown+", "empty",
                     "empty+"):
            with self.subTest(name):
                snapshot_schema.checked(self.printed(name))

    def test_every_property_is_seen(self):
        """A value that was lost on its way is a property that never comes."""
        self.assertEqual(keys(json.loads(self.printed("full+"))),
                         properties(snapshot_schema.schema()))

    def test_what_is_not_known_has_no_key(self):
        answer = snapshot_schema.checked(self.printed("unknown"))
        names = {"windows", "alive", "cgroup"}
        lists = {"containers": {"container", "container_id", "runtime"}, "pods": {"pod", "uid"},
                 "cgroups": set()}
        for key, more in lists.items():
            self.assertEqual(set(answer[key][0]), names | more, key)
            self.assertEqual([set(window) for window in answer[key][0]["windows"]],
                             [{"seconds"}] * 3)
        self.assertEqual([set(window) for window in answer["node"]["windows"]], [{"seconds"}] * 3)
        self.assertEqual(set(answer["node"]), {"tier", "kernel", "cgroup_mode", "windows"})
        self.assertEqual(answer["losses"], {"missed_windows": 0, "dropped_cgroups": 0})

    def test_mistakes_are_found(self):
        right = json.loads(self.printed("full+"))
        snapshot_schema.checked(json.dumps(right).encode())
        mistakes = [
            lambda a: a.pop("losses"),
            lambda a: a.update(schema_version=2),
            lambda a: a.update(more=1),
            lambda a: a["node"].update(tier="magic"),
            lambda a: a["node"]["windows"][0].update(idle_ratio=None),
            lambda a: a["containers"][1].update(why="because"),
            lambda a: a["containers"][1].update(limit_core=1),
            lambda a: a["containers"][1].pop("container"),
            lambda a: a["containers"][1]["waits"].update(lost_seconds=-1),
            lambda a: a["containers"][1]["windows"][2].update(throttle_level="above"),
            lambda a: a["pods"][0].update(container="x"),
            lambda a: a["cgroups"][0].update(namespace="x"),
            lambda a: a["cgroups"][0].update(usage_seconds="90"),
            lambda a: a["losses"].update(missed_windows=1.5),
            lambda a: a["cgroups"][0].update(overhead={}),
            lambda a: a["pods"][0]["overhead"].update(kubelet={}),
            lambda a: a["pods"][0]["over_window"].update(throttled_ratio=1.01),
            lambda a: a["sources"][0].update(source=""),
            lambda a: a.update(window={}),
        ]
        for number, spoil in enumerate(mistakes):
            wrong = copy.deepcopy(right)
            spoil(wrong)
            with self.subTest(number), self.assertRaises(AssertionError):
                snapshot_schema.checked(json.dumps(wrong).encode())
        for body in (b'{"schema_version":1,"schema_version":1}', b"NaN", b"1e999"):
            with self.subTest(body), self.assertRaises(AssertionError):
                snapshot_schema.checked(body)


def at(row, path):
    """The value of a dotted path; None where there is none."""
    for key in path.split("."):
        row = row.get(key, {})
    return None if row == {} else row


def known(value, of_windows, row):
    """The value of a field of sources in a JSON row."""
    path = value["field"]
    if not path.startswith("window_"):
        return at(row, path)
    windows = [w for w in row["windows"] if w["seconds"] == of_windows[path.split(".")[0][7:]]]
    return windows[0].get("cores")


def amount(cell):
    """What a table's cell says, and how far from it the number may be."""
    if cell.startswith("<"):
        return 0.0, amount(cell[1:])[0] + 1e-12
    for unit, size in (("MiB", 2.0 ** 20), ("us", 1e-6), ("ms", 1e-3), ("m", 1e-3), ("%", 1e-2),
                       ("s", 1.0), ("", 1.0)):
        if cell.endswith(unit):
            digits = cell[:len(cell) - len(unit)]
            decimals = len(digits.partition(".")[2])
            # Microseconds are rounded up.
            width = 1.0 if unit == "us" else 0.5
            return float(digits) * size, (width * 10 ** -decimals + 1e-9) * size
    raise AssertionError(cell)


class Forms(unittest.TestCase):
    """JSON, CSV and the wide table say the same, as read by others' readers."""

    LENGTHS = {"100ms": 0.1, "1s": 1.0, "5s": 5.0}

    def answers(self, name, query=""):
        rows = list(csv.reader(io.StringIO(
            Schema.printed(name, "format=csv" + query).decode("utf-8"), newline=""), strict=True))
        columns = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
        return json.loads(Schema.printed(name, query.lstrip("&"))), columns

    @staticmethod
    def listed(answer):
        """The rows of JSON that CSV has, in its order."""
        twice = [row for row in answer["cgroups"] if row["cgroup"] == "/"]
        return ([("pod", row) for row in answer["pods"]]
                + [("container", row) for row in answer["containers"]]
                + [("cgroup", row) for row in answer["cgroups"] if row not in twice])

    def test_csv_is_json(self):
        for name in ("full", "full+", "hostile+", "unknown+", "empty+"):
            for query in ("", "&sort=cpu", "&sort=memory&namespace=shop"):
                answer, lines = self.answers(name, query)
                rows = self.listed(answer)
                self.assertEqual(len(lines), len(rows))
                for (kind, row), line in zip(rows, lines):
                    self.same(answer, kind, row, line)

    def same(self, answer, kind, row, line):
        self.assertEqual((line["schema_version"], line["kind"]), ("1", kind))
        self.assertEqual(line["alive"], "true" if row["alive"] else "false")
        self.assertEqual(line["window_seconds"],
                         f'{answer["window"]["seconds"]:g}' if "window" in answer else "")
        self.assertEqual((line["why"], line["pod_why"]), (row.get("why", ""),
                                                         row.get("pod_why", "")))
        for key in ("namespace", "pod", "container", "cgroup"):
            self.assertEqual(line[key], plain(row.get(key, "")))
        for field in answer["sources"]:
            said = line[field["field"].replace(".", "_")]
            self.assertEqual(float(said) if said else None,
                             known(field, self.LENGTHS, row), (field, row))

    def test_csv_commands_nothing_and_is_no_formula(self):
        for body in (Schema.printed("hostile+", "format=csv"), Schema.printed("hostile+", "")):
            text = body.decode("utf-8")
            self.assertEqual([c for c in text if c not in "\r\n" and
                              (ord(c) < 32 or 0x7f <= ord(c) < 0xa0)], [])
        text = Schema.printed("hostile+", "format=csv").decode("utf-8")
        for line in text.split("\r\n")[1:-1]:
            self.assertNotIn("\n", line)
            for value in next(csv.reader([line], strict=True)):
                self.assertFalse(value.startswith(("=", "+", "-", "@", "\t")), value)

    def test_the_wide_table_is_json(self):
        answer, _ = self.answers("full+")
        lines = Schema.printed("full+", "format=wide").decode("ascii").split("\n")
        start = next(i for i, line in enumerate(lines) if line.startswith("POD OR CGROUP"))
        headings = [field for field in answer["sources"] if "heading" in field]
        shown = []
        for pod in answer["pods"]:
            shown += [pod] + [c for c in answer["containers"] if c.get("pod") == pod["pod"]]
        shown += [c for c in answer["containers"] if "pod" not in c]
        shown += [c for c in answer["cgroups"] if c["cgroup"] != "/"]
        compared = 0
        for row, line in zip(shown, lines[start + 1:]):
            for field in headings:
                heading = field["heading"]
                at_end = re.search(" " + re.escape(heading) + "(?= |$)", lines[start])
                if at_end is None:
                    continue
                cell = line[:at_end.end()].split()[-1]
                value = known(field, self.LENGTHS, row)
                if heading == "THR%" and "pod_throttled_ratio" in row:
                    value = row["pod_throttled_ratio"]
                if value is None:
                    self.assertEqual(cell, "-", (heading, line))
                    continue
                number, tolerance = amount(cell)
                self.assertAlmostEqual(number, value, delta=tolerance, msg=(heading, line))
                compared += 1
        self.assertGreater(compared, 50)


def plain(name):
    """A name as CSV has it."""
    name = re.sub("[\x00-\x1f\x7f-\x9f]", lambda c: f"\\x{ord(c.group()):02x}", name)
    return "'" + name if name.startswith(("=", "+", "-", "@", "'")) else name


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PRINT_SNAPSHOT = os.path.abspath(sys.argv.pop(1))
    RESULT = unittest.main(exit=False).result
    if RESULT.wasSuccessful() and RESULT.skipped and RESULT.testsRun == 0:
        print(RESULT.skipped[-1][1])
        sys.exit(77)
    sys.exit(0 if RESULT.wasSuccessful() else 1)
