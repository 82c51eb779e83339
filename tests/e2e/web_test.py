#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS and passwords of a real daemon, against Prometheus, openssl, Python's ssl, and who means no
good.

usage: web_test.py THROTTLELENS [unittest arguments]
"""

import base64
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "lib")]

# pylint: disable=wrong-import-position
import cleanup
from certificates import Authority, bcrypt
from deadline import until
from needs import need_tool
from process import Process
from prometheus import Prometheus
from scenario import main, throttlelens

PASSWORD = "correct horse battery staple"
WRONG_PROTOCOL = "Client sent an HTTP request to an HTTPS server."


class Daemon(Process):
    """`throttlelens run` with a web configuration in a folder of its own."""

    def __init__(self, web):
        self.folder = cleanup.folder(0o755)
        self.write("web.yml", web)
        self.config = self.write("config.yaml", "web_config_file: web.yml\n"
                                                "probe: {mode: cpustat}\n")
        env = {k: v for k, v in os.environ.items() if k != "THROTTLELENS_CONFIG"}
        super().__init__([throttlelens(), "run", "--config", self.config, "--listen", "127.0.0.1:0"],
                         cwd=cleanup.folder(), env=env)
        match = self.wait_for_log(r"metrics at (https?)://(\S+)/metrics")
        self.scheme, self.address = match[1], match[2]
        self.port = int(self.address.rpartition(":")[2])

    def write(self, name, text):
        """As a careful editor does: the whole file at once."""
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)
        return path


def context(ca, certificate=None, key=None):
    made = ssl.create_default_context(cafile=ca)
    if certificate:
        made.load_cert_chain(certificate, key)
    return made


def login(user, password):
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": "Basic " + token}


def ask(daemon, path="/metrics", tls=None, headers=None, timeout=30):
    """(status, headers, body)"""
    if tls:
        connection = http.client.HTTPSConnection("127.0.0.1", daemon.port, timeout=timeout,
                                                 context=tls)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def serial(daemon, tls):
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as plain:
        with tls.wrap_socket(plain, server_hostname="127.0.0.1") as secured:
            return int(secured.getpeercert()["serialNumber"], 16)


def run(*arguments):
    env = {k: v for k, v in os.environ.items() if k != "THROTTLELENS_CONFIG"}
    return subprocess.run([throttlelens(), *arguments], capture_output=True, text=True, check=False,
                          timeout=60, env=env)


class Web(unittest.TestCase):
    def setUp(self):
        need_tool("openssl", "openssl")
        need_tool("htpasswd", "apache2-utils")
        self.authority = Authority("a test's own")
        self.ca = self.authority.certificate
        self.tls = context(self.ca)
        self.certificate, self.key, _ = self.authority.issue("server")

    def tearDown(self):
        cleanup.close_all()

    def served(self, more="", users=""):
        return Daemon(f"tls_server_config:\n  cert_file: {self.certificate}\n"
                      f"  key_file: {self.key}\n{more}{users}")

    def openssl(self, daemon, *arguments):
        """What s_client says of a handshake; it asks for / too."""
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.port}", "-CAfile", self.ca,
             *arguments],
            input=b"GET /livez HTTP/1.0\r\n\r\n", capture_output=True, check=False, timeout=60)
        return (done.stdout + done.stderr).decode(errors="replace")


class Scraped(Web):
    """A real Prometheus, over TLS and with a password, while everything is replaced under it."""

    def secret(self, generation):
        """The folder of a Kubernetes Secret: what is named are links through ..data."""
        folder = os.path.join(self.folder, f"..{generation}")
        os.mkdir(folder)
        certificate, key, number = self.authority.issue("server")
        shutil.copy(certificate, os.path.join(folder, "tls.crt"))
        shutil.copy(key, os.path.join(folder, "tls.key"))
        os.symlink(f"..{generation}", os.path.join(self.folder, "..data_tmp"))
        os.rename(os.path.join(self.folder, "..data_tmp"), os.path.join(self.folder, "..data"))
        return number

    def test_prometheus_goes_on(self):
        need_tool("prometheus", "prometheus")
        self.folder = cleanup.folder()
        first = self.secret(1)
        for name in ("tls.crt", "tls.key"):
            os.symlink(f"..data/{name}", os.path.join(self.folder, name))
        web = (f"tls_server_config: {{cert_file: {self.folder}/tls.crt, "
               f"key_file: {self.folder}/tls.key}}\n"
               f"basic_auth_users: {{prometheus: {bcrypt(PASSWORD)}}}\n")
        daemon = Daemon(web)
        self.assertEqual(daemon.scheme, "https")
        password = os.path.join(self.folder, "password")
        with open(password, "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        prometheus = Prometheus(daemon.address, {"node": "n1"}, scrape={
            "scrape_interval": "3s", "scrape_timeout": "3s",
            "scheme": "https", "tls_config": {"ca_file": self.ca},
            "basic_auth": {"username": "prometheus", "password_file": password}})
        prometheus.wait_for_scrape()
        self.assertEqual(prometheus.target()["health"], "up", prometheus.target()["lastError"])
        self.assertEqual(serial(daemon, self.tls), first)

        second = self.secret(2)
        until(lambda: serial(daemon, self.tls) == second, "the new certificate")
        prometheus.wait_for_scrape(time.time())

        # A key that is not the certificate's: the old pair stays, and that is said once.
        os.remove(os.path.join(self.folder, "..data", "tls.key"))
        shutil.copy(self.key, os.path.join(self.folder, "..data", "tls.key"))
        daemon.wait_for_log(r"refused: cannot use the certificate with the key")
        self.assertEqual(serial(daemon, self.tls), second)
        daemon.write("web.yml", web.replace("cert_file", "cert_fiel"))
        daemon.wait_for_log(r"refused: .*web\.yml:1:21: unknown key .*\"cert_file\"")
        prometheus.wait_for_scrape(time.time())
        self.assertEqual(daemon.log().count("cannot use the certificate"), 1)

        daemon.write("web.yml", web)
        third = self.secret(3)
        until(lambda: serial(daemon, self.tls) == third, "the third certificate")
        prometheus.wait_for_scrape(time.time())
        self.assertEqual(prometheus.number("min_over_time(up[10m])"), 1, "a scrape failed")

        # A new password: the old one, which is in the cache, is worth nothing from then on.
        daemon.write("web.yml", web.replace(re.search(r"\$2y[^}]*", web)[0], bcrypt("new")))
        until(lambda: prometheus.target()["lastError"].endswith("401 Unauthorized"),
              lambda: prometheus.target())
        self.assertEqual(ask(daemon, tls=self.tls, headers=login("prometheus", "new"))[0], 200)
        self.assertEqual(daemon.end(), 0)
        self.assertNotIn("$2", daemon.log())


class Tls(Web):
    def test_versions(self):
        for more, expected in (
                ("", {"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"}),
                ("  min_version: TLS13\n", {"-tls1_3": "TLSv1.3"}),
                ("  max_version: TLS12\n", {"-tls1_2": "TLSv1.2"})):
            daemon = self.served(more)
            for option in ("-tls1", "-tls1_1", "-tls1_2", "-tls1_3"):
                said = self.openssl(daemon, option, "-cipher", "ALL:@SECLEVEL=0")
                version = expected.get(option)
                with self.subTest(more=more, option=option):
                    if version:
                        self.assertIn(f"New, {version}", said)
                        self.assertIn("Verify return code: 0 (ok)", said)
                    else:
                        # libmicrohttpd 0.9.75 sends no alert, it closes.
                        self.assertIn("New, (NONE), Cipher is (NONE)", said)

    def test_weak_suites_are_refused(self):
        daemon = self.served()
        for suite in ("AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "NULL", "aNULL"):
            said = self.openssl(daemon, "-tls1_2", "-cipher", suite + ":@SECLEVEL=0")
            self.assertIn("New, (NONE), Cipher is (NONE)", said, suite)

    def test_plain_http_is_told_so(self):
        daemon = self.served()
        status, _, body = ask(daemon)
        self.assertEqual((status, body), (400, WRONG_PROTOCOL + "\n"))
        # What is neither is closed, and others are served.
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as plain:
            plain.sendall(b"\0\1\2\3" * 100)
            try:
                while plain.recv(1000):
                    pass
            except ConnectionResetError:
                pass
        self.assertEqual(ask(daemon, tls=self.tls)[0], 200)

    def test_who_says_nothing_is_cut_off(self):
        daemon = self.served()
        begun = time.monotonic()
        silent = [socket.create_connection(("127.0.0.1", daemon.port), timeout=90)
                  for _ in range(20)]
        # One begins a handshake and leaves it at that.
        silent[0].sendall(bytes([22, 3, 1, 2, 0, 1]))
        self.assertEqual(ask(daemon, "/livez", self.tls)[0], 200)
        for one in silent:
            try:
                while one.recv(1000):
                    pass
            except ConnectionResetError:
                pass
            one.close()
        self.assertLess(time.monotonic() - begun, 60)
        self.assertEqual(ask(daemon, tls=self.tls)[0], 200)

    def test_headers_and_large_answers(self):
        daemon = self.served("http_server_config:\n  headers:\n"
                             "    Strict-Transport-Security: max-age=60\n"
                             "    Content-Security-Policy: default-src 'none'\n")
        for path in ("/", "/livez", "/metrics", "/nowhere", "/api/v1/snapshot"):
            _, headers, _ = ask(daemon, path, self.tls)
            self.assertEqual(headers.get_all("Strict-Transport-Security"), ["max-age=60"], path)
            self.assertEqual(headers.get_all("Content-Security-Policy"), ["default-src 'none'"],
                             path)

    def test_tls_is_not_turned_off_while_running(self):
        daemon = self.served()
        daemon.write("web.yml", "")
        daemon.wait_for_log(r"refused: cannot turn TLS on or off.*restart")
        self.assertEqual(ask(daemon, tls=self.tls)[0], 200)

    def test_clients_with_certificates(self):
        clients = Authority("clients")
        daemon = self.served("  client_auth_type: RequireAndVerifyClientCert\n"
                             f"  client_ca_file: {clients.certificate}\n")
        certificate, key, _ = clients.issue("prometheus", purpose="clientAuth")
        self.assertEqual(ask(daemon, tls=context(self.ca, certificate, key))[0], 200)
        said = run("snapshot", "--from", f"https://{daemon.address}", "--ca-file", self.ca,
                   "--cert-file", certificate, "--key-file", key, "--duration", "1s")
        self.assertEqual(said.returncode, 0, said.stderr)
        refused = {"none": (), "of another CA": self.authority.issue("x", purpose="clientAuth")[:2],
                   "of a server": clients.issue("x", purpose="serverAuth")[:2]}
        for what, pair in refused.items():
            with self.subTest(what), self.assertRaises((ssl.SSLError, ConnectionError)):
                ask(daemon, tls=context(self.ca, *pair))
        said = run("snapshot", "--from", f"https://{daemon.address}", "--ca-file", self.ca)
        self.assertEqual(said.returncode, 1)
        self.assertIn("--cert-file", said.stderr)


class Passwords(Web):
    def test_who_is_let_in(self):
        daemon = Daemon(f"basic_auth_users: {{alice: {bcrypt(PASSWORD)}, bob: {bcrypt('b')}}}\n")
        self.assertEqual(daemon.scheme, "http")
        for path in ("/metrics", "/api/v1/snapshot?duration=1s", "/"):
            self.assertEqual(ask(daemon, path, headers=login("alice", PASSWORD))[0], 200, path)
        self.assertEqual(ask(daemon, headers=login("bob", "b"))[0], 200)
        for headers in ({}, login("alice", ""), login("alice", "b"), login("bob", PASSWORD),
                        login("carol", PASSWORD), login("", ""), login("alice", PASSWORD + "\0x"),
                        {"Authorization": "Bearer x"}, {"Authorization": "Basic =="}):
            for path in ("/metrics", "/", "/nowhere", "/api/v1/snapshot"):
                status, answered, body = ask(daemon, path, headers=headers)
                self.assertEqual(status, 401, (path, headers))
                self.assertEqual(answered["WWW-Authenticate"],
                                 'Basic realm="throttlelens", charset="UTF-8"')
                self.assertNotIn("throttlelens_", body)
        for path in ("/livez", "/readyz", "/healthz"):
            self.assertEqual(ask(daemon, path)[0], 200, path)

    def test_a_flood_of_wrong_passwords(self):
        """Does not keep out who is right, nor disturb the sampler; the one who was right before is
        answered out of turn."""
        daemon = self.served(users=f"basic_auth_users: {{alice: {bcrypt(PASSWORD, 7)}}}\n")
        right = login("alice", PASSWORD)
        self.assertEqual(ask(daemon, tls=self.tls, headers=right)[0], 200)
        over, refused, tries = threading.Event(), [], iter(range(1 << 30))

        def flood():
            while not over.is_set():
                try:
                    status = ask(daemon, tls=self.tls, headers=login("alice", str(next(tries))))[0]
                except (OSError, http.client.HTTPException):
                    continue  # too many connections of one address
                refused.append(status)

        threads = [threading.Thread(target=flood) for _ in range(16)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: len(refused) > 10, "wrong passwords to be refused", 60)
            waited = []
            for _ in range(10):
                begun = time.monotonic()
                status, _, text = ask(daemon, tls=self.tls, headers=right)
                waited.append(time.monotonic() - begun)
                self.assertEqual(status, 200)
            self.assertEqual(ask(daemon, "/livez", self.tls)[0], 200)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(set(refused) - {503}, {401})
        # A Prometheus waits for 10 s.
        self.assertLess(max(waited), 10)
        missed = re.search(r"^throttlelens_probe_missed_windows_total (\S+)", text, re.M)
        self.assertIsNotNone(missed, text[:300])
        print(f"{len(refused)} wrong ones; the right one waited {max(waited):.3f} s at most; "
              f"windows missed: {missed[1]}", file=sys.stderr)

    def test_new_users_without_a_restart(self):
        daemon = Daemon(f"basic_auth_users: {{alice: {bcrypt('a')}}}\n")
        self.assertEqual(ask(daemon, headers=login("alice", "a"))[0], 200)
        daemon.write("web.yml", f"basic_auth_users: {{bob: {bcrypt('b')}}}\n")
        until(lambda: ask(daemon, headers=login("bob", "b"))[0] == 200, "bob to be let in")
        self.assertEqual(ask(daemon, headers=login("alice", "a"))[0], 401)
        daemon.write("web.yml", "basic_auth_users: {bob: hunter2}\n")
        daemon.wait_for_log("refused: .*is not the bcrypt hash of a password")
        self.assertNotIn("hunter2", daemon.log())
        self.assertEqual(ask(daemon, headers=login("bob", "b"))[0], 200)


class Client(Web):
    """`throttlelens snapshot` and `check-config`."""

    def test_snapshot_over_tls(self):
        daemon = self.served(users=f"basic_auth_users: {{alice: {bcrypt(PASSWORD)}}}\n")
        password = daemon.write("password", PASSWORD + "\n")
        url = f"https://{daemon.address}"
        known = ("--from", url, "--duration", "1s", "-o", "json", "--ca-file", self.ca)
        said = run("snapshot", *known, "--user", "alice", "--password-file", password)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("schema_version", json.loads(said.stdout))

        def refused(*arguments):
            done = run("snapshot", *arguments)
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
            return done.stderr

        self.assertIn("--user and --password-file", refused(*known))
        wrong = daemon.write("wrong", "x\n")
        self.assertIn("401", refused(*known, "--user", "alice", "--password-file", wrong))
        none = os.path.join(daemon.folder, "none")
        self.assertIn("none", refused(*known, "--user", "alice", "--password-file", none))
        self.assertIn("--ca-file", refused("--from", url))
        self.assertIn("--ca-file", refused("--from", url, "--ca-file", none))
        other = Authority("another").certificate
        self.assertIn("not of a CA", refused("--from", url, "--ca-file", other))
        # The certificate is for localhost and 127.0.0.1.
        named = f"https://127.0.0.2:{daemon.port}"
        self.assertRegex(refused("--from", named, "--ca-file", self.ca), "name|nobody")
        self.assertIn(WRONG_PROTOCOL, refused("--from", f"http://{daemon.address}"))
        self.assertIn("write https://", refused("--from", f"http://{daemon.address}", "--ca-file",
                                                self.ca))
        self.assertEqual(run("snapshot", "--from", f"https://a:b@{daemon.address}").returncode, 2)

    def test_the_daemon_of_this_machine(self):
        daemon = self.served()
        daemon.write("config.yaml", f"web_config_file: web.yml\nlisten: {daemon.address}\n")
        said = run("snapshot", "--config", daemon.config, "--duration", "1s", "-o", "json",
                   "--ca-file", self.ca)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertEqual(json.loads(said.stdout)["node"]["tier"], "cpustat")

    def test_check_config(self):
        folder = cleanup.folder()
        config, web = os.path.join(folder, "c.yaml"), os.path.join(folder, "web.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("web_config_file: web.yml\n")

        def check(text):
            with open(web, "w", encoding="utf-8") as file:
                file.write(text)
            return run("check-config", config)

        pair = f"tls_server_config:\n  cert_file: {self.certificate}\n  key_file: "
        good = check(pair + self.key + "\n")
        self.assertEqual((good.returncode, good.stderr), (0, ""))
        self.assertEqual(good.stdout, f"{config}: valid\n{web}: valid\n")
        for text, expected in (
                (pair + "none\n", f"{web}:3:13: tls_server_config.key_file: .*No such file"),
                (pair + self.certificate + "\n", f"{web}: cannot use the certificate"),
                (pair + self.authority.issue("x")[1] + "\n", f"{web}: .*one pair"),
                ("basic_auth_users: {a: b}\n", f"{web}:1:23: .*bcrypt"),
                ("tls_server_cnfig:\n", f"{web}:1:1: .*did you mean \"tls_server_config\"")):
            bad = check(text)
            self.assertEqual((bad.returncode, bad.stdout), (1, ""), text)
            self.assertRegex(bad.stderr, expected)
        with open(config, "w", encoding="utf-8") as file:
            file.write("web_config_file: nowhere.yml\n")
        bad = run("run", "--config", config, "--listen", "127.0.0.1:0")
        self.assertEqual(bad.returncode, 1)
        self.assertIn("nowhere.yml: cannot open", bad.stderr)


if __name__ == "__main__":
    sys.exit(main(__doc__, ("throttlelens",)))
