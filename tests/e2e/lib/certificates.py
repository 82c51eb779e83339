# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of a test's own, by openssl."""

import os
import subprocess

import cleanup

_EXTENSIONS = """
basicConstraints = critical, CA:FALSE
extendedKeyUsage = {purpose}
subjectAltName = {names}
"""


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode()


class Authority:
    def __init__(self, name):
        self.folder = cleanup.folder()
        self.certificate, self._key = self._path("ca.crt"), self._path("ca.key")
        self._serial = 0x1000
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", self._key, "-out", self.certificate, "-subj", f"/CN={name}",
                 "-days", "2")

    def _path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, names="IP:127.0.0.1,DNS:localhost", purpose="serverAuth"):
        """(certificate, key, serial number) as files; each has a serial of its own."""
        self._serial += 1
        base = self._path(f"{name}-{self._serial:x}")
        with open(base + ".ext", "w", encoding="utf-8") as file:
            file.write(_EXTENSIONS.format(names=names, purpose=purpose))
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", base + ".key", "-out", base + ".csr", "-subj", f"/CN={name}")
        _openssl("x509", "-req", "-in", base + ".csr", "-CA", self.certificate, "-CAkey", self._key,
                 "-set_serial", hex(self._serial), "-days", "1", "-extfile", base + ".ext",
                 "-out", base + ".crt")
        return base + ".crt", base + ".key", self._serial


def bcrypt(password, cost=5):
    """By htpasswd, as the format's own documentation has it."""
    done = subprocess.run(["htpasswd", "-niBC", str(cost), "x"], input=password.encode(),
                          capture_output=True, check=True, timeout=60)
    return done.stdout.decode().strip().partition(":")[2]
