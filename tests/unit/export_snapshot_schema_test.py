#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is rendered for /api/v1/snapshot against its schema.

usage: export_snapshot_schema_test.py PRINT_SNAPSHOT [unittest arguments]
"""

import copy
import json
import os
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
    def printed(name):
        return subprocess.run([PRINT_SNAPSHOT, name], check=True, capture_output=True).stdout

    def test_the_schema_is_one(self):
        jsonschema.Draft202012Validator.check_schema(snapshot_schema.schema())

    def test_all_snapshots_are_valid(self):
        for name in ("full", "hostile", "unknown", "empty"):
            with self.subTest(name):
                snapshot_schema.checked(self.printed(name))

    def test_every_property_is_seen(self):
        """A value that was lost on its way is a property that never comes."""
        self.assertEqual(keys(json.loads(self.printed("full"))),
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
        right = json.loads(self.printed("full"))
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
        ]
        for number, spoil in enumerate(mistakes):
            wrong = copy.deepcopy(right)
            spoil(wrong)
            with self.subTest(number), self.assertRaises(AssertionError):
                snapshot_schema.checked(json.dumps(wrong).encode())
        for body in (b'{"schema_version":1,"schema_version":1}', b"NaN", b"1e999"):
            with self.subTest(body), self.assertRaises(AssertionError):
                snapshot_schema.checked(body)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    PRINT_SNAPSHOT = os.path.abspath(sys.argv.pop(1))
    RESULT = unittest.main(exit=False).result
    if RESULT.wasSuccessful() and RESULT.skipped and RESULT.testsRun == 0:
        print(RESULT.skipped[-1][1])
        sys.exit(77)
    sys.exit(0 if RESULT.wasSuccessful() else 1)
