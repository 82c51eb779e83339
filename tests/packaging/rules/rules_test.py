#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Rules and runbooks: what promtool says of them, that every name in them is one of a metric the
daemon has, and that no alert is without a runbook and tests.

usage: rules_test.py THROTTLELENS [unittest arguments]
"""

import functools
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

import yaml

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [_HERE, os.path.join(os.path.dirname(os.path.dirname(_HERE)), "e2e", "lib")]

# pylint: disable=wrong-import-position
from needs import need_tool
from rule_files import ALERTS, FOLDER, RECORDING, RUNBOOKS, faster

ALERT_TESTS, RECORDING_TESTS = (os.path.join(_HERE, name)
                                for name in ("alerts.test.yaml", "recording.test.yaml"))
# Of the target, of clusters, and those that rules make.
TARGET = {"job", "instance", "node", "cluster"}
MADE = {"workload", "lost", "missing", "state"}
VALUES = {"cause": {"throttle", "contention"}, "level": {"container", "pod", "ancestor", "self"},
          "window": {"100ms", "1s", "5s"}, "tier": {"bpf", "cpustat"},
          "component": {"shim", "runc", "pause", "conmon"}}
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_binary = None


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def command(*arguments):
    return subprocess.run([_binary, *arguments], capture_output=True, text=True, check=True,
                          timeout=60).stdout


@functools.cache
def catalogue():
    """{name of a series: its labels}"""
    found = {"up": set()}
    for metric in json.loads(command("metrics", "-o", "json"))["metrics"]:
        labels = set(metric["labels"])
        found[metric["name"]] = labels
        if metric["type"] == "histogram":
            del found[metric["name"]]
            found |= {metric["name"] + "_bucket": labels | {"le"},
                      metric["name"] + "_sum": labels, metric["name"] + "_count": labels}
    return found


def rules(path):
    return [rule for group in yaml.safe_load(read(path))["groups"] for rule in group["rules"]]


@functools.cache
def recorded():
    """{name: labels}: those of its level, and the cluster."""
    return {rule["record"]: {"cluster", *labels_of_level(rule["record"].split(":")[0])}
            for rule in rules(RECORDING)}


def labels_of_level(level):
    return set(level.split("_")) - {"cluster"}


def series_labels(name):
    known = catalogue().get(name, recorded().get(name))
    return None if known is None else known | TARGET


def wrong_names(text):
    """What is wrong with the names of metrics and labels in an expression, or in many."""
    found = []
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    named = {name for name in re.findall(rf"(?<![\w:]){NAME}", outside)
             if re.search(r"throttlelens_|^process_|:", name)}
    for name in sorted(named):
        if series_labels(name) is None:
            found.append(f"no series is called {name}")
    for name, inside in re.findall(rf"(?<![\w:])({NAME})\{{([^{{}}]*)\}}", text):
        for label, value in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*("[^"]*"|%q)', inside):
            if label not in (series_labels(name) or {label}):
                found.append(f"{name} has no label {label}")
            values = set(re.split(r"\|", value.strip('"')))
            if label in VALUES and value != "%q" and not values <= VALUES[label]:
                found.append(f"{label} is never {value}")
    known = MADE.union(TARGET, *(series_labels(name) or set() for name in named))
    for clause in re.findall(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^()]*)\)", outside):
        for label in re.findall(r"\w+", clause):
            if label not in known:
                found.append(f"nothing here has the label {label}")
    return found


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False,
                          timeout=240)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def blocks(text, language):
    """Code of that language in a document."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


def documents():
    return [os.path.join(FOLDER, "README.md"), *sorted(glob.glob(os.path.join(RUNBOOKS, "*.md")))]


class Promtool(unittest.TestCase):
    def setUp(self):
        need_tool("promtool", "prometheus")

    def test_rules_are_valid(self):
        self.assertEqual(promtool("check", "rules", RECORDING, ALERTS), "")

    def test_recording_rules(self):
        self.assertEqual(promtool("test", "rules", RECORDING_TESTS), "")

    def test_alerts(self):
        self.assertEqual(promtool("test", "rules", ALERT_TESTS), "")

    def test_a_wrong_threshold_is_found(self):
        """Each number that an alert compares with, made a tenth smaller and a third larger."""
        cases = yaml.safe_load(read(ALERT_TESTS))["tests"]
        seen = 0
        for rule in rules(ALERTS):
            numbers = [match for match in re.finditer(r"[<>/] (\d[\d.]*)", rule["expr"])
                       if match[1] not in ("0", "1")]
            seen += len(numbers)
            for match in numbers:
                for factor in (0.9, 1.3):
                    expr = (rule["expr"][:match.start(1)] + f"{float(match[1]) * factor:g}"
                            + rule["expr"][match.end(1):])
                    said = self.said_of({**rule, "expr": expr}, [
                        case for case in cases if case["name"].startswith(rule["alert"] + " ")])
                    self.assertIn("FAILED", said, f"{rule['alert']}: {match[0]}, times {factor}")
        self.assertGreater(seen, 15)

    @staticmethod
    def said_of(rule, cases):
        """What promtool says of one alert, and those of its cases."""
        with tempfile.TemporaryDirectory() as folder:
            def write(name, document):
                path = os.path.join(folder, name)
                with open(path, "w", encoding="utf-8") as file:
                    yaml.safe_dump(document, file)
                return path
            files = [write("rules.yaml", {"groups": [{"name": "a", "rules": [rule]}]})]
            if ":" in rule["expr"]:
                files.insert(0, RECORDING)
            return promtool("test", "rules", write("tests.yaml", {
                "rule_files": files, "evaluation_interval": "1m", "tests": cases}))

    def test_expressions_of_documents(self):
        for path in documents():
            found = [query for block in blocks(read(path), "promql") for query in block.split("\n\n")]
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                yaml.safe_dump({"groups": [{"name": "a", "rules": [
                    {"record": f"a:b:c{i}", "expr": query} for i, query in enumerate(found)]}]}, file)
                file.flush()
                self.assertEqual(promtool("check", "rules", file.name), "", path)

    def test_what_adds_the_address_of_runbooks(self):
        line, = [line for block in blocks(read(documents()[0]), "sh") for line in block.splitlines()
                 if "runbook_url" in line]
        done = subprocess.run(["sh", "-ec", line], capture_output=True, text=True, check=True,
                              timeout=60, cwd=os.path.dirname(os.path.dirname(FOLDER)))
        made = [rule["annotations"] for group in yaml.safe_load(done.stdout)["groups"]
                for rule in group["rules"]]
        self.assertEqual(len(made), len(rules(ALERTS)))
        for annotations in made:
            self.assertRegex(annotations["runbook_url"], r"^https://[\w./-]+/" +
                             os.path.basename(annotations["runbook"]) + "$")


class Names(unittest.TestCase):
    def test_of_expressions(self):
        for path in (RECORDING, ALERTS):
            for rule in rules(path):
                name = rule.get("record") or rule["alert"]
                self.assertEqual(wrong_names(rule["expr"]), [], name)
                for text in rule.get("annotations", {}).values():
                    for query in re.findall(r"`([^`]+)`", text):
                        self.assertEqual(wrong_names(query), [], name)

    def test_of_documents(self):
        for path in documents():
            text = read(path)
            for block in blocks(text, "promql"):
                for expression in block.split("\n\n"):
                    self.assertEqual(wrong_names(expression), [], path)
            for name in re.findall(r"`(throttlelens_\w+[a-z]|\w+:throttlelens\w+:\w+)`", text):
                self.assertIsNotNone(series_labels(name), f"{path}: {name}")

    def test_wrong_ones_are_found(self):
        for expression in ('throttlelens_container_cpu_usage_seconds', 'throttlelens_containers{pod="a"}',
                           'throttlelens_container_cpu_wait_duration_seconds', "namespace:throttlelens_x:sum",
                           'throttlelens_container_cpu_wait_seconds_total{cause="quota"}',
                           "sum by (pod) (throttlelens_node_cpu_idle_ratio)", "process_cpu_seconds",
                           'namespace:throttlelens_container_info:count{pod="a"}'):
            self.assertEqual(len(wrong_names(expression)), 1, expression)
        for expression in ('sum by (pod) (throttlelens_container_cpu_throttle_episode_seconds_sum'
                           '{level=~"pod|ancestor"})',
                           'up{job="throttlelens"}', "namespace:throttlelens_container_info:count"):
            self.assertEqual(wrong_names(expression), [], expression)

    def test_recorded(self):
        """level:metric:operation; the level says by what, the metric is one of the catalogue."""
        tests = yaml.safe_load(read(RECORDING_TESTS))["tests"]
        tested = " ".join(one["expr"] for test in tests for one in test["promql_expr_test"])
        of_metrics = {name.removesuffix("_total") for name in catalogue()}
        for rule in rules(RECORDING):
            name = rule["record"]
            with self.subTest(name):
                level, metric, operation = name.split(":")
                self.assertRegex(operation, r"^(sum|max|count|relabel|(sum_)?avg5m|(ratio_)?rate5m)$")
                self.assertTrue(any(one.startswith(metric) for one in of_metrics) or
                                metric == "throttlelens_cpu_usage_seconds", metric)
                clause = re.match(r"[(\s]*\w+ by \(([^)]*)\)", rule["expr"])
                if clause:
                    by = set(re.findall(r"\w+", clause[1]))
                    self.assertIn("cluster", by)
                    # What is divided by all components has none.
                    self.assertEqual(by - {"cluster"}, labels_of_level(level))
                self.assertIn(name, tested + " ", "no test looks at it")


    def test_recorded_are_described(self):
        described = {f"{level}:{name}" for name, levels in re.findall(
            r"(?m)^\| `(throttlelens_\w+:\w+)` \| ([\w, ]+) \|", read(documents()[0]))
            for level in levels.split(", ")}
        self.assertEqual(described, set(recorded()))


class Alerts(unittest.TestCase):
    def test_all_is_there(self):
        for rule in rules(ALERTS):
            name, annotations = rule["alert"], rule["annotations"]
            with self.subTest(name):
                self.assertRegex(name, "^Throttlelens[A-Z]")
                self.assertIn(rule["labels"]["severity"], ("info", "warning", "critical"))
                self.assertRegex(rule["for"], r"^\d+m$")
                self.assertEqual(set(annotations), {"summary", "description", "runbook"})
                self.assertEqual(annotations["runbook"], f"packaging/prometheus/runbooks/{name}.md")
                for text in (annotations["summary"], annotations["description"]):
                    self.assertNotRegex(text, r"\n|  ")

    def test_runbooks(self):
        names = [rule["alert"] for rule in rules(ALERTS)]
        self.assertEqual(sorted(os.listdir(RUNBOOKS)), sorted(f"{name}.md" for name in names))
        for rule in rules(ALERTS):
            text = read(os.path.join(RUNBOOKS, rule["alert"] + ".md"))
            with self.subTest(rule["alert"]):
                self.assertIn(f"\n# {rule['alert']}\n", text)
                for part in ("What it means", "Confirm", "Change", "Why these numbers"):
                    self.assertIn(f"\n## {part}\n", text)
                for block in blocks(text, "yaml"):
                    self.assertTrue(yaml.safe_load(block))

    def test_both_tests(self):
        cases = {}
        for test in yaml.safe_load(read(ALERT_TESTS))["tests"]:
            for check in test["alert_rule_test"]:
                name, what = test["name"].split(" ")[:2]
                self.assertEqual(check["alertname"], name)
                cases.setdefault(name, set()).add((what, bool(check["exp_alerts"])))
        for rule in rules(ALERTS):
            self.assertIn(("fires", True), cases.get(rule["alert"], ()), rule["alert"])
            self.assertIn(("stays", False), cases[rule["alert"]], rule["alert"])
            self.assertNotIn(("stays", True), cases[rule["alert"]], rule["alert"])

    def test_commands_of_documents(self):
        """Of throttlelens, in blocks of the shell: each option is one that the command has."""
        seen = 0
        for path in documents():
            for block in blocks(read(path), "sh"):
                for line in block.splitlines():
                    words = shlex.split(line, comments=True)
                    if "exec" in words:  # kubectl exec POD -- throttlelens …
                        words = words[words.index("--") + 1:]
                    if words[:1] != ["throttlelens"]:
                        continue
                    words = words[1:]
                    told = command(words[0], "--help")
                    for option in (word for word in words[1:] if word.startswith("-")):
                        self.assertRegex(told, rf"(?m)(^|[\s,]){re.escape(option)}\b", f"{path}: {line}")
                    seen += 1
        self.assertGreater(seen, 5)

    def test_shorter_ones_differ_in_times_only(self):
        for path in (RECORDING, ALERTS):
            short = yaml.safe_load(faster(read(path)))
            for group, quick in zip(yaml.safe_load(read(path))["groups"], short["groups"]):
                for rule, other in zip(group["rules"], quick["rules"]):
                    self.assertEqual(rule.keys(), other.keys())
                    shape = functools.partial(re.sub, r"\[\w+\]|offset \w+|/ \d+\b", "T")
                    self.assertEqual(shape(rule["expr"]), shape(other["expr"]))


def main():
    global _binary  # pylint: disable=global-statement
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    _binary = os.path.abspath(sys.argv.pop(1))
    result = unittest.main(verbosity=2, exit=False).result
    if result.wasSuccessful() and result.skipped and result.testsRun == len(result.skipped):
        print(result.skipped[-1][1])
        return 77
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
