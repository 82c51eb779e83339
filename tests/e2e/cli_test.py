#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real binary as people and supervisors meet it: commands, signals, exit codes, terminal.

usage: cli_test.py BINARY [unittest arguments]
"""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
import urllib.error
import urllib.request

BINARY = ""
DEADLINE = 20  # seconds; generous, because sanitizers and guests are slow


def run(*arguments, env=None, **options):
    return subprocess.run(
        [BINARY, *arguments], capture_output=True, text=True, timeout=60, env=env,
        stdin=subprocess.DEVNULL, check=False, **options)


def fetch(address, path):
    """Status and body."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Daemon:
    """`throttlelens run`, its log collected, ended at the latest when the test ends."""

    def __init__(self, test, *arguments, listen="127.0.0.1:0", command=None, env=None):
        self.log_file = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*(command or [BINARY]), "run", "--listen", listen, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log_file, env=env)
        test.addCleanup(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log_file.close()

    def log(self):
        # pread, because the daemon writes through the same open file and its position.
        return os.pread(self.log_file.fileno(), 1 << 20, 0).decode()

    def wait_for(self, pattern):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            found = re.search(pattern, self.log())
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(
            f"no {pattern!r} in the log of exit code {self.process.poll()}:\n{self.log()}")

    def address(self):
        return self.wait_for(r"metrics at http://(\S+)/metrics")[1]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=DEADLINE)


class Commands(unittest.TestCase):
    def test_version(self):
        result = run("version")
        self.assertEqual(result.returncode, 0, result.stderr)
        for part in (r"^throttlelens \d+\.\d+\.\d+$", r"^commit: +\w+$", r"^libbpf: +1\.\d+$",
                     r"^compiler: +(g\+\+|clang) ", r"^build: +\w", r"^sanitizers: +\w"):
            self.assertRegex(result.stdout, re.compile(part, re.M))
        self.assertIn(run("--version").stdout.strip(), result.stdout)

    def test_metrics(self):
        markdown = run("metrics")
        self.assertEqual(markdown.returncode, 0, markdown.stderr)
        self.assertIn("throttlelens_cgroup_cpu_usage_seconds_total", markdown.stdout)
        catalogue = json.loads(run("metrics", "-o", "json").stdout)
        self.assertIn("throttlelens_probe_info", [m["name"] for m in catalogue["metrics"]])

    def test_help_everywhere(self):
        for command in ((), ("run",), ("top",), ("doctor",), ("check-config",), ("metrics",),
                        ("version",)):
            result = run(*command, "--help")
            self.assertEqual(result.returncode, 0, command)
            self.assertIn("Example:", result.stdout)
            self.assertEqual(result.stderr, "")

    def test_wrong_usage(self):
        for words in ((), ("nonsense",), ("run", "--nonsense"), ("top", "--sort", "colour"),
                      ("run", "--listen", "nowhere"), ("check-config",)):
            result = run(*words)
            self.assertEqual(result.returncode, 2, words)
            self.assertRegex(result.stderr, r"^throttlelens: wrong usage.*--help\)\n$")
            self.assertEqual(result.stdout, "")

    def test_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run([BINARY, "metrics"], stdout=full, stderr=subprocess.PIPE,
                                    text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("No space left on device", result.stderr)

    def test_doctor(self):
        text = run("doctor")
        report = json.loads(run("doctor", "-o", "json").stdout)
        self.assertEqual(text.returncode, 0, text.stdout + text.stderr)
        self.assertTrue(report["works"])
        self.assertEqual(report["schema_version"], 1)
        self.assertIn(report["tier"], ("bpf", "cpustat"))
        self.assertIn(f"Tier: {report['tier']}", text.stdout)
        self.assertEqual(report["kernel"], os.uname().release)
        self.assertGreater(report["cgroup"]["count"], 0)
        self.assertIn(report["cgroup"]["mode"], ("v1", "hybrid", "v2"))
        self.assertIn("/run/containerd", text.stdout)
        if report["tier"] == "cpustat":
            self.assertTrue(report["reason"])
            self.assertIn("MISSING", text.stdout)


class Configuration(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, text, name="config.yaml"):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_valid(self):
        result = run("check-config", self.write("log: {level: debug}\n"))
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_every_problem_is_told(self):
        path = self.write("log:\n  levle: info\nlimits:\n  max_series: many\n")
        result = run("check-config", path)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, re.escape(path) + r":2:\d+: .*level")
        self.assertRegex(result.stderr, re.escape(path) + r":4:\d+: .*max_series")
        self.assertEqual(run("run", "--config", path).returncode, 1)

    def test_missing_file(self):
        result = run("check-config", os.path.join(self.folder.name, "none.yaml"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("No such file", result.stderr)

    def test_environment_names_the_file(self):
        env = dict(os.environ, THROTTLELENS_CONFIG=self.write("nonsense: 1\n"))
        self.assertEqual(run("doctor", env=env).returncode, 1)
        fine = self.write("log: {level: info}\n", "fine.yaml")
        self.assertEqual(run("doctor", "--config", fine, env=env).returncode, 0)

    def test_what_is_not_supported_is_refused(self):
        result = run("run", "--listen", "127.0.0.1:0", "--config",
                     self.write("web_config_file: /etc/web.yaml\n"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("web_config_file", result.stderr)

    def test_reload(self):
        path = self.write("log: {level: info}\nprobe: {mode: cpustat}\n")
        daemon = Daemon(self, "--config", path)
        address = daemon.address()
        self.assertIn('cgroup="', fetch(address, "/metrics")[1])
        self.assertIn("\nprocess_open_fds ", fetch(address, "/metrics")[1])

        self.write("log: {level: info, format: json}\nprobe: {mode: auto}\n"
                   "limits: {max_series: 1000}\ncgroup: {exclude: ['*']}\n"
                   "metrics: {exclude: [process_open_*, proces_*]}\n")
        daemon.process.send_signal(signal.SIGHUP)
        line = json.loads(daemon.wait_for(r'\{.*reloaded.*\}')[0])
        self.assertEqual(line["level"], "info")
        self.assertIn("limits.max_series", line["message"])
        self.assertRegex(daemon.log(), r"probe\.mode changed.*restart")
        self.assertNotIn("process_open_fds", fetch(address, "/metrics")[1])
        self.assertIn("process_max_fds", fetch(address, "/metrics")[1])
        self.assertRegex(daemon.log(), r'metrics\.exclude: no metric is named \\?"proces_\*')
        # Filters follow at the next window.
        end = time.monotonic() + DEADLINE
        while 'cgroup="' in fetch(address, "/metrics")[1]:
            self.assertLess(time.monotonic(), end, "excluded cgroups are still shown")

        self.write("log: {levle: info}\nlimits: {max_series: 0x}\n")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(r"refused with 2 problems")
        self.assertIn("config.yaml:1:", daemon.log())
        self.assertEqual(fetch(address, "/livez")[0], 200)
        self.assertEqual(daemon.end(), 0)


class Running(unittest.TestCase):
    def test_endpoints_and_clean_end(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = Daemon(self)
            address = daemon.address()
            self.assertRegex(daemon.log(), r"ready: tier (bpf|cpustat), \d+ containers, \d+ cgroups "
                                           r"beside them \(\w+\), \d+ CPUs")
            status, metrics = fetch(address, "/metrics")
            self.assertEqual(status, 200)
            self.assertRegex(metrics, r"(?m)^throttlelens_cgroup_cpu_usage_seconds_total\{.*\} ")
            self.assertRegex(metrics, r"(?m)^throttlelens_probe_info\{.*\} 1$")
            for path in ("/livez", "/healthz", "/readyz"):
                self.assertEqual(fetch(address, path), (200, "ok\n"), path)
            self.assertIn("/metrics", fetch(address, "/")[1])
            self.assertEqual(daemon.end(number), 0, daemon.log())
            self.assertEqual(daemon.process.stdout.read(), b"", "stdout is for results")
            with self.assertRaises(OSError):
                fetch(address, "/livez")

    def test_scrapes_are_fresh(self):
        daemon = Daemon(self)
        address = daemon.address()
        name = re.compile(r'^throttlelens_cgroup_cpu_usage_seconds_total\{cgroup="/"\} (\S+)', re.M)
        busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        self.addCleanup(busy.wait)
        self.addCleanup(busy.kill)
        time.sleep(1)
        first = name.search(fetch(address, "/metrics")[1])
        time.sleep(0.5)
        second = name.search(fetch(address, "/metrics")[1])
        self.assertIsNotNone(first)
        self.assertGreater(float(second[1]), float(first[1]) + 0.2)

    def test_nothing_to_reload_is_said(self):
        env = {k: v for k, v in os.environ.items() if k != "THROTTLELENS_CONFIG"}
        daemon = Daemon(self, env=env)
        daemon.address()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("nothing to reload.*--config")
        self.assertEqual(daemon.end(), 0)

    def test_second_instance_on_the_same_port(self):
        address = Daemon.address(Daemon(self))
        result = run("run", "--listen", address)
        self.assertEqual(result.returncode, 1)
        self.assertIn("Address already in use", result.stderr)
        self.assertIn(address, result.stderr)
        self.assertIn("listen", result.stderr)

    def test_log_off_still_tells_why_there_is_no_daemon(self):
        address = Daemon.address(Daemon(self))
        result = run("run", "--listen", address, "--log-level", "off")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Address already in use", result.stderr)


class Unprivileged(unittest.TestCase):
    def test_goes_on_with_less_and_says_so(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to become nobody")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)  # nobody may not be able to reach the build folder
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                  shutil.copy(BINARY, folder.name)]
        daemon = Daemon(self, command=nobody)
        address = daemon.address()
        self.assertIn("ready: tier cpustat", daemon.log())
        self.assertRegex(daemon.log(), r"warning: falling back to tier cpustat.*CAP_BPF")
        self.assertIn('tier="cpustat"', fetch(address, "/metrics")[1])
        self.assertEqual(daemon.end(), 0, daemon.log())

        doctor = subprocess.run([*nobody, "doctor"], capture_output=True, text=True, timeout=60,
                                check=False)
        self.assertEqual(doctor.returncode, 0, doctor.stdout)
        self.assertIn("Tier: cpustat", doctor.stdout)
        self.assertRegex(doctor.stdout, r"MISSING +CAP_BPF")


class PlainTop(unittest.TestCase):
    def test_one_table(self):
        start = time.monotonic()
        result = run("top", "--interval", "1s", "--rows", "3")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertLess(time.monotonic() - start, DEADLINE)
        self.assertNotIn("\x1b", result.stdout)
        self.assertRegex(result.stdout, r"(?m)^/.* \d+m ")

    def test_by_default_every_window_is_there(self):
        start = time.monotonic()
        result = run("top", "--rows", "1")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreaterEqual(time.monotonic() - start, 5)
        self.assertTrue(result.stdout)

    def test_iterations(self):
        one = run("top", "--interval", "200ms", "--rows", "1")
        three = run("top", "--interval", "200ms", "--rows", "1", "--iterations", "3")
        heading = [line for line in one.stdout.splitlines() if "CGROUP" in line.upper()][-1].split()[0]
        self.assertEqual(three.stdout.count(heading), 3 * one.stdout.count(heading))


class LiveTop(unittest.TestCase):
    """On a pseudo terminal; the parent holds its other end."""

    ENTER, LEAVE, SHOW = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"

    def start(self, *arguments):
        self.master, slave = pty.openpty()
        self.addCleanup(os.close, self.master)
        self.addCleanup(os.close, slave)
        self.slave = slave
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.seen = b""

        def own_terminal():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        # preexec_fn, because the child needs the terminal as its controlling one for Ctrl-C.
        self.process = subprocess.Popen(  # pylint: disable=subprocess-popen-preexec-fn
            [BINARY, "top", "--interval", "200ms", *arguments], stdin=slave, stdout=slave,
            stderr=slave, preexec_fn=own_terminal, env=dict(os.environ, TERM="xterm"))
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)

    def read_until(self, wanted, what):
        end = time.monotonic() + DEADLINE
        while not wanted(self.seen):
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
            self.assertLess(time.monotonic(), end, f"{what} not seen in {self.seen[-2000:]!r}")

    def read_frames(self, count):
        start = len(self.seen)
        self.read_until(lambda seen: seen[start:].count(b"\x1b[H") >= count, f"{count} frames")
        return self.seen[start:]

    def assert_restored(self, code):
        self.read_until(lambda seen: seen.endswith(self.LEAVE), "the end")
        self.assertEqual(self.process.wait(timeout=DEADLINE), code)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)
        self.assertIn(self.SHOW, self.seen)

    def test_draws_and_q_restores(self):
        self.start()
        self.read_until(lambda seen: self.ENTER in seen, "the alternate screen")
        frames = self.read_frames(4)
        self.assertIn(b"q quit", frames)
        flags = termios.tcgetattr(self.slave)[3]
        self.assertFalse(flags & (termios.ICANON | termios.ECHO))
        os.write(self.master, b"q")
        self.assert_restored(0)

    def test_keys_order(self):
        self.start()
        self.read_frames(3)
        for key, word in ((b"t", b"by throttling"), (b"p", b"by peak"), (b"c", b"by CPU"),
                          (b"w", b"by wait"), (b"y", b"by why")):
            start = len(self.seen)
            os.write(self.master, key)
            self.read_until(lambda seen: word in seen[start:], word.decode())
        os.write(self.master, b"q")
        self.assert_restored(0)

    def test_never_wider_or_higher_than_the_terminal(self):
        self.start()
        self.read_frames(3)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 60, 0, 0))
        self.process.send_signal(signal.SIGWINCH)
        self.read_frames(2)
        frame = self.read_frames(2).split(b"\x1b[H")[-2].decode()
        lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame).splitlines()
        self.assertLessEqual(len(lines), 10)
        for line in lines:
            self.assertLessEqual(len(line), 60, line)
        os.write(self.master, b"q")
        self.assert_restored(0)

    def test_signals_restore(self):
        for send in (lambda: os.write(self.master, b"\x03"),
                     lambda: self.process.send_signal(signal.SIGTERM),
                     lambda: self.process.send_signal(signal.SIGHUP)):
            self.start()
            self.read_frames(3)
            send()
            self.assert_restored(0)

    def test_a_crash_restores(self):
        self.start()
        self.read_frames(3)
        self.process.send_signal(signal.SIGSEGV)
        self.assert_restored(-signal.SIGSEGV)

    def test_stops_and_goes_on(self):
        self.start()
        self.read_frames(3)
        os.write(self.master, b"\x1a")
        self.read_until(lambda seen: seen.endswith(self.LEAVE), "the stop")
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)
        self.process.send_signal(signal.SIGCONT)
        self.read_frames(3)
        os.write(self.master, b"q")
        self.assert_restored(0)

    def test_iterations_end_it(self):
        self.start("--iterations", "2")
        self.assert_restored(0)


def main():
    global BINARY  # pylint: disable=global-statement
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BINARY = os.path.abspath(sys.argv.pop(1))
    result = unittest.main(verbosity=2, exit=False).result
    if result.wasSuccessful() and 0 < result.testsRun == len(result.skipped):
        print(result.skipped[-1][1])
        return 77
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
