# SPDX-License-Identifier: Apache-2.0
"""The image, run by a runtime as the kubelet would have it run by a manifest.

What is not as on a node: the state directory of the test bed's containerd is not in /run/containerd,
so that host path is another one; within the container it is the manifest's. The pod's network is its
own, but leads nowhere: a test asks from within it.
"""

import json
import os
import subprocess
import uuid

import exposition
from deadline import until

TASKS = "io.containerd.runtime.v2.task"

# As much of a network plugin as a pod without a way out needs: its own loopback interface is up.
_PLUGIN = """#!/bin/sh
if [ "$CNI_COMMAND" = VERSION ]; then
  echo '{"cniVersion": "0.4.0", "supportedVersions": ["0.3.1", "0.4.0"]}'
  exit
fi
[ "$CNI_COMMAND" != ADD ] || nsenter --net="$CNI_NETNS" ip link set lo up
echo '{"cniVersion": "0.4.0", "interfaces": [{"name": "'"$CNI_IFNAME"'"}],
  "ips": [{"version": "4", "address": "192.0.2.1/32"}]}'
"""
_NETWORK = {"cniVersion": "0.4.0", "name": "none", "plugins": [{"type": "none"}]}


def give_network(bed):
    """To pods that want one of their own."""
    folder = os.path.join(bed.folder, "cni")
    os.makedirs(folder, exist_ok=True)
    for name in ("loopback", "none"):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(_PLUGIN)
        os.chmod(path, 0o755)
    path = os.path.join(folder, "10-none.conflist")
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(_NETWORK, file)
    os.rename(path + ".new", path)

    def condition():
        (network,) = [c for c in bed.call("Status").status.conditions if c.type == "NetworkReady"]
        return network
    until(lambda: condition().status, lambda: f"containerd has a network: {condition().message}")


class Deployed:
    """One pod of the DaemonSet. Ended with the test bed at the latest."""

    def __init__(self, bed, manifest, image):
        self.bed, self.manifest = bed, manifest
        self.uid = str(uuid.uuid4())
        self.cgroup = f"{bed.root_cgroup}/kubepods/burstable/pod{self.uid}"
        self.name = f"throttlelens-{self.uid[:5]}"
        self._folder = os.path.join(bed.folder, "kubelet", self.uid)
        self._logs = os.path.join(bed.folder, "logs", self.uid)
        os.makedirs(self._folder)
        bed.make_cgroup(self.cgroup)
        about = {"io.kubernetes.pod.name": self.name, "io.kubernetes.pod.uid": self.uid,
                 "io.kubernetes.pod.namespace": manifest.namespace}
        sandbox = {"metadata": {"name": self.name, "namespace": manifest.namespace,
                                "uid": self.uid},
                   "log_directory": self._logs, "labels": {**about, **manifest.labels},
                   "linux": {"cgroup_parent": self.cgroup,
                             "security_context": manifest.sandbox_security()}}
        self.sandbox = bed.call("RunPodSandbox", config=sandbox).pod_sandbox_id
        container = manifest.container
        labels = {**about, "io.kubernetes.container.name": container["name"]}
        self.id = bed.call(
            "CreateContainer", pod_sandbox_id=self.sandbox, sandbox_config=sandbox,
            config={"metadata": {"name": container["name"]}, "image": {"image": image},
                    "command": container.get("command", []), "args": container.get("args", []),
                    "envs": [{"key": one["name"], "value": one["value"]}
                             for one in container.get("env", [])],
                    "mounts": self._mounts(), "labels": labels, "log_path": "0.log",
                    "linux": {"resources": manifest.container_resources(),
                              "security_context": manifest.container_security()}}).container_id
        bed.call("StartContainer", container_id=self.id)

    def _mounts(self):
        mounts = self.manifest.mounts(self._host_path, self._folder_of_config)
        # What the kubelet adds of its own.
        for name, path in (("etc-hosts", "/etc/hosts"), ("ended", "/dev/termination-log")):
            with open(os.path.join(self._folder, name), "w", encoding="utf-8"):
                mounts.append({"container_path": path,
                               "host_path": os.path.join(self._folder, name)})
        return mounts

    def _host_path(self, path):
        if path == f"/run/containerd/{TASKS}":
            path = os.path.join(self.bed.state_dir, TASKS)
        assert os.path.isdir(path), f"{path} is not there: the kubelet would refuse the pod"
        return path

    def _folder_of_config(self, name):
        folder = os.path.join(self._folder, name)
        os.makedirs(folder)
        for file, text in self.manifest.configuration(name).items():
            with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
                out.write(text)
        return folder

    @property
    def port(self):
        (port,) = [port["containerPort"] for port in self.manifest.container["ports"]
                   if port["name"] == "metrics"]
        return port

    @property
    def pid(self):
        path = os.path.join(self.bed.state_dir, TASKS, "k8s.io", self.id, "init.pid")
        with open(path, encoding="utf-8") as file:
            return int(file.read())

    def proc(self, name):
        with open(f"/proc/{self.pid}/{name}", encoding="utf-8") as file:
            return file.read()

    def get(self, path, host="127.0.0.1"):
        """(status, text), asked from within the pod's network; status 0 if nobody answers."""
        done = subprocess.run(
            ["nsenter", f"--net=/proc/{self.pid}/ns/net", "curl", "--silent", "--globoff",
             "--noproxy", "*", "--max-time", "10", "--write-out", "\\n%{http_code}",
             f"http://{host}:{self.port}{path}"], capture_output=True, text=True, check=False)
        text, _, status = done.stdout.rpartition("\n")
        return int(status or 0), text

    def wait_ready(self):
        def ready():
            if not self.running():
                raise AssertionError(f"it has ended:\n{self.log()}")
            return self.get("/readyz")[0] == 200
        until(ready, lambda: f"ready: {self.get('/readyz')}\n{self.log()}")
        return self

    def metrics(self):
        status, text = self.get("/metrics")
        assert status == 200, f"/metrics says {status}: {text}"
        return exposition.parse(text.encode())

    def exec(self, *arguments):
        """(exit code, output, errors) of a command within the container."""
        done = self.bed.call("ExecSync", container_id=self.id, cmd=arguments, timeout=30)
        return done.exit_code, done.stdout.decode(), done.stderr.decode()

    def doctor(self):
        """In words, and as JSON. Asked to look where `run` looks."""
        command = ("throttlelens", "doctor", "--config", "/etc/throttlelens/throttlelens.yaml")
        return self.exec(*command)[1], json.loads(self.exec(*command, "-o", "json")[1])

    def status(self):
        return self.bed.call("ContainerStatus", container_id=self.id).status

    def running(self):
        return self.status().state == 1

    def log(self):
        with open(os.path.join(self._logs, "0.log"), encoding="utf-8") as file:
            return "".join(line.split(" ", 3)[3] for line in file if line.endswith("\n"))

    def terminate(self):
        """Exit code after SIGTERM, within the manifest's grace period."""
        grace = self.manifest.pod.get("terminationGracePeriodSeconds", 30)
        self.bed.call("StopContainer", container_id=self.id, timeout=grace)
        return self.status().exit_code

    def remove(self):
        self.bed.call("StopPodSandbox", pod_sandbox_id=self.sandbox)
        self.bed.call("RemovePodSandbox", pod_sandbox_id=self.sandbox)
