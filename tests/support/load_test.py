#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tl_load is the truth other tests are held against, so its own arithmetic is checked first."""

import json
import os
import signal
import subprocess
import sys
import time
import unittest

LOAD = None


def run(*arguments, **options):
    done = subprocess.run([LOAD, *arguments], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class LoadTest(unittest.TestCase):
    def check(self, result):
        for thread in result["threads"]:
            windows = thread["windows"]
            first = windows[0]["index"]
            self.assertEqual([w["index"] for w in windows], list(range(first, first + len(windows))))
            self.assertEqual(sum(w["cpu_ns"] for w in windows), thread["cpu_ns"])
            self.assertTrue(windows[0].get("partial") and windows[-1].get("partial"))
            for w in windows:
                self.assertGreaterEqual(w["cpu_ns"], 0)
                self.assertLessEqual(w["cpu_ns"] - w["error_ns"], result["window_ns"])
            errors = sorted(w["error_ns"] for w in windows)
            self.assertLess(errors[len(errors) // 2], 1_000_000, "windows are known badly")

    def test_hogs_share_what_there_is(self):
        result = run("--threads", "3", "--duration", "500ms")
        self.check(result)
        self.assertEqual(len(result["threads"]), 3)
        self.assertGreater(min(t["iterations"] for t in result["threads"]), 0)

    def test_a_pulse_never_uses_more_than_its_share(self):
        result = run("--busy", "20ms", "--idle", "80ms", "--duration", "1s")
        self.check(result)
        used = result["threads"][0]["cpu_ns"]
        self.assertLess(used, 230_000_000)
        self.assertGreater(used, 20_000_000)

    def test_short_pulses_sleep_in_between(self):
        result = run("--busy", "50us", "--idle", "50us", "--duration", "500ms")
        self.check(result)
        # Work is done in half of the time at most; waking up costs CPU time too, but no work.
        worked = result["threads"][0]["iterations"] * result["unit_ns"]
        self.assertLess(worked, 300_000_000)

    def test_window_length_and_pinning(self):
        result = run("--pin", "0", "--window", "10ms", "--duration", "300ms")
        self.check(result)
        self.assertEqual(result["threads"][0]["pin"], 0)
        self.assertGreaterEqual(len(result["threads"][0]["windows"]), 30)

    def test_children_of_a_fork_storm_tell_their_own_time(self):
        result = run("--fork-storm", "--spin", "500us", "--duration", "500ms")
        self.check(result)
        thread = result["threads"][0]
        children = thread["children"]
        self.assertGreater(children["count"], 5)
        self.assertGreaterEqual(children["own_cpu_ns"], children["count"] * 500_000)
        self.assertGreaterEqual(children["rusage_cpu_ns"], children["own_cpu_ns"] - 2_000 * children["count"])
        in_windows = sum(w["children_cpu_ns"] for w in thread["windows"])
        self.assertAlmostEqual(in_windows, children["rusage_cpu_ns"], delta=1_000)

    def test_starts_on_command_and_ends_on_sigterm(self):
        load = subprocess.Popen([LOAD, "--wait-stdin", "--duration", "0"], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(load.stderr.readline(), "ready\n")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        load.stdin.write("go\n")
        load.stdin.flush()
        time.sleep(0.3)
        load.send_signal(signal.SIGTERM)
        output, _ = load.communicate(timeout=30)
        self.assertEqual(load.returncode, 0)
        result = json.loads(output)
        self.check(result)
        self.assertGreaterEqual(result["start_ns"], before)

    def test_starts_at_the_given_time(self):
        at = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + 400_000_000
        result = run("--start-at", str(at), "--duration", "200ms")
        self.check(result)
        self.assertEqual(result["start_ns"], at)
        before = [w for w in result["threads"][0]["windows"] if (w["index"] + 1) * result["window_ns"] <= at]
        self.assertLess(sum(w["cpu_ns"] for w in before), 10_000_000)

    def test_starts_at_the_time_it_is_told(self):
        at = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + 600_000_000
        self.assertEqual(run("--wait-stdin", "--duration", "100ms", input=f"{at}\n")["start_ns"], at)

    def test_threads_that_linger_stay_until_told_and_use_nothing(self):
        load = subprocess.Popen([LOAD, "--linger", "--threads", "2", "--duration", "200ms"], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(load.stderr.readline(), "done\n")
        done = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        time.sleep(0.3)
        self.assertIsNone(load.poll())
        load.send_signal(signal.SIGTERM)
        output, _ = load.communicate(timeout=30)
        self.assertEqual(load.returncode, 0)
        result = json.loads(output)
        self.check(result)
        for thread in result["threads"]:
            self.assertLessEqual(thread["end_ns"], done)
            self.assertGreater(thread["cpu_ns"], 0)

    def test_what_it_cannot_do_is_an_error(self):
        for arguments, code in ((["--busy", "3"], 2), (["--threads", "0"], 2), (["extra"], 2),
                                (["--cgroup-procs", os.path.join(os.sep, "nonexistent", "procs")], 1)):
            done = subprocess.run([LOAD, *arguments], capture_output=True, text=True, timeout=10)
            self.assertEqual(done.returncode, code, arguments)
            self.assertIn("tl_load", done.stderr)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    LOAD = sys.argv.pop(1)
    unittest.main()
