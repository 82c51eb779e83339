# SPDX-License-Identifier: Apache-2.0
"""Containers of the real Podman, with storage, cgroups and mounts of our own."""

import contextlib
import json
import os
import shutil
import signal
import subprocess

import cleanup
from deadline import until
from process import Process
from testbed import Existing, cgroup_mounts

_APPLETS = ("sh", "mkfifo", "sleep", "timeout")
# Podman would raise them beyond what a test may have itself.
_NO_RLIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]


class Podman:
    """`cgroup` is the path of the cgroup around all, which must not exist yet."""

    def __init__(self, hierarchies, cgroup, programs):
        self.hierarchies, self.cgroup, self._programs = hierarchies, cgroup, programs
        self.folder = cleanup.folder(0o755)
        self.root, self.runroot = self._make("root"), self._make("runroot")
        cleanup.at_end(self._remove_cgroups)
        # Mounts go with the namespace. crun refuses a v2 hierarchy beside v1 that has controllers.
        v2 = [] if hierarchies.v2 else [m for m in cgroup_mounts() if "/unified" in m]
        self._holder = Process(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec",
             'for mount in "$@"; do umount "$mount"; done; echo ready >&2; exec sleep 1000000',
             "sh", *v2])
        self._holder.wait_for_log("ready")
        cleanup.at_end(self.close)

    def _make(self, *names):
        path = os.path.join(self.folder, *names)
        os.makedirs(path)
        return path

    def command(self, *arguments, check=True):
        done = subprocess.run(
            ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "podman", "--root", self.root,
             "--runroot", self.runroot, "--tmpdir", os.path.join(self.folder, "tmp"),
             "--cgroup-manager=cgroupfs", "--events-backend=file", *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
            cwd="/")
        if check and done.returncode != 0:
            raise RuntimeError(f"podman {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def run(self, runtime, name, args, *options):
        files = self._make("rootfs", name)
        for folder in ("bin", "tmp", "proc", "dev", "sys", "etc", "run"):
            os.mkdir(os.path.join(files, folder))
        for program in (shutil.which("busybox"), *self._programs):
            shutil.copy(program, os.path.join(files, "bin"))
        for applet in _APPLETS:
            os.symlink("busybox", os.path.join(files, "bin", applet))
        # It ends by itself should nobody be there to remove it.
        self.command("--runtime", runtime, "run", "--detach", "--network=none",
                     "--cgroups=enabled", "--cgroup-parent", self.cgroup, *_NO_RLIMITS,
                     "--name", name, *options, "--rootfs", files, "timeout", "600", *args)
        return PodmanContainer(self, name)

    def close(self):
        if self._holder.popen.poll() is None:
            with contextlib.suppress(subprocess.SubprocessError):
                self.command("rm", "--all", "--force", "--time", "0", check=False)
            self._holder.kill()

    def _remove_cgroups(self):
        for mount in cgroup_mounts():
            until(lambda folder=mount + self.cgroup: self._removed(folder), "removing its cgroups")

    def _removed(self, folder):
        for path, _, _ in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):
                with open(f"{path}/cgroup.procs", encoding="utf-8") as file:
                    pids = file.read().split()
                for pid in map(int, pids):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                os.rmdir(path)
        return not os.path.exists(folder)


class PodmanContainer:
    """For a Worker too."""

    def __init__(self, podman, name):
        self._podman, self.name = podman, name
        self.id = self.inspect()["Id"]

    def inspect(self):
        return json.loads(self._podman.command("container", "inspect", self.name))[0]

    @property
    def pid(self):
        return self.inspect()["State"]["Pid"]

    @property
    def kernel(self):
        return Existing(self._podman.hierarchies, self.inspect()["State"]["CgroupPath"])

    def log(self):
        return self._podman.command("logs", self.name)

    def restart(self):
        self._podman.command("restart", "--time", "0", self.name)

    def remove(self):
        self._podman.command("rm", "--force", "--time", "0", self.name)
