#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A containerd of our own, with runc and real pods made through the kubelet's interface. All it
makes is below one folder, one cgroup and one mount namespace, and goes away whatever happens.

"""

import argparse
import concurrent.futures
import contextlib
import glob
import importlib.util
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import uuid

_HERE = os.path.dirname(os.path.abspath(__file__))
_TOP = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))
sys.path += [_HERE, os.path.join(_TOP, "tests", "e2e", "lib")]

# pylint: disable=wrong-import-position
import cleanup
import images
from cgroups import Cgroup, Hierarchies
from deadline import until
from needs import need, need_root, need_tool
from process import Process

PERIOD_US = 100_000
_PREFIX = "tlbed-"
_counter = itertools.count()

_CONFIG = """
version = 2
root = "{folder}/root"
state = "{state}"
temp = "{folder}/temp"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.restart", "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp"]
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
disable_apparmor = true        # it would leave a profile in the kernel
restrict_oom_score_adj = true  # there may be no CAP_SYS_RESOURCE
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{folder}/cni"
conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
{runtime}"""

# All processes of the bed are in its cgroup from their first moment: that is how they are found.
_JOIN = 'for procs in $JOIN; do echo $$ > "$procs"; done; exec "$@"'

# Shims have their sockets in /run/containerd whatever the configuration says, so /run is private
# too. A state directory below it must still be the one everybody sees, and pods may want to be told
# of later mounts in it, as they are where all mounts are shared.
_MOUNTS = """
mount --bind "$2" "$1/keep"
mount -t tmpfs tmpfs "$1/run"
mkdir "$1/run/upper" "$1/run/work"
mount -t overlay -o "lowerdir=/run,upperdir=$1/run/upper,workdir=$1/run/work" overlay /run
mount --move "$1/keep" "$2"
mount --make-shared "$2"
exec containerd --config "$1/config.toml"
"""


def need_test_bed():
    need_root()
    for tool, package in {"containerd": "containerd", "ctr": "containerd", "runc": "runc",
                          "protoc": "protobuf-compiler", "busybox": "busybox-static"}.items():
        need_tool(tool, package)
    need(importlib.util.find_spec("grpc"), f"{sys.executable} knows no grpc "
         "(apt-get install python3-grpcio, and use /usr/bin/python3)")


# What was made, and taking it away again.

def cgroup_mounts():
    mounts = []
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            place, _, rest = line.partition(" - ")
            if rest.split(" ")[0] in ("cgroup", "cgroup2"):
                mounts.append(place.split(" ")[4])
    return mounts


def _kill_all(folder):
    """False if there was nobody to kill in or below this cgroup."""
    pids = set()
    for below, _, _ in os.walk(folder):
        with contextlib.suppress(OSError), open(f"{below}/cgroup.procs", encoding="utf-8") as file:
            pids |= set(file.read().split())
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    return bool(pids)


def _thaw_all(folder):
    """The frozen do not even die; those of cgroup v2 do."""
    if os.path.exists(f"{folder}/freezer.state"):
        for below, _, _ in os.walk(folder):
            with contextlib.suppress(OSError):
                with open(f"{below}/freezer.state", "w", encoding="utf-8") as file:
                    file.write("THAWED")


def _remove_cgroup(path):
    """In every hierarchy, with all below it."""
    def removed(folder):
        try:
            for entry in os.scandir(folder):
                if entry.is_dir(follow_symlinks=False):
                    removed(entry.path)
            os.rmdir(folder)
        except FileNotFoundError:
            pass
        except OSError:
            return False  # a process is still ending
        return True

    for mount in cgroup_mounts():
        until(lambda folder=mount + path: removed(folder), f"removing {mount + path}")


def _destroy(folder):
    try:
        with open(os.path.join(folder, "made.json"), encoding="utf-8") as file:
            made = json.load(file)
    except (OSError, ValueError):
        made = {}  # it is written before anything else is made
    if "cgroup" in made:
        for mount in cgroup_mounts():
            _thaw_all(mount + made["cgroup"])
        until(lambda: not _kill_all(Hierarchies().cpu + made["cgroup"]),
              "all processes of the test bed have ended")
        _remove_cgroup(made["cgroup"])
        shutil.rmtree(made["state"], ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)  # another one may be sweeping too


def _started(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[19]


def sweep():
    """Removes what killed test beds left behind. Returns the folders."""
    swept = []
    for folder in glob.glob(os.path.join(tempfile.gettempdir(), _PREFIX + "*")):
        name = re.fullmatch(_PREFIX + r"(\d+)-(\d+)-\d+", os.path.basename(folder))
        status = os.lstat(folder)
        # Anybody may put something of that name there.
        if not name or status.st_uid != os.geteuid() or not os.path.isdir(folder):
            continue
        try:
            if _started(name[1]) == name[2]:
                continue
        except OSError:
            pass
        _destroy(folder)
        swept.append(folder)
    return swept


@contextlib.contextmanager
def _undisturbed():
    """Half a removal is none."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        numbers = ()
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# What the kubelet works out.

def _shares(cores):
    return max(2, int(cores * 1024))


def _resources(request, limit):
    if request is None:
        request = limit or 0
    return {"cpu_shares": _shares(request), "cpu_period": PERIOD_US,
            "cpu_quota": -1 if limit is None else max(1000, round(limit * PERIOD_US))}


class Existing(Cgroup):
    """What the kernel says of a cgroup that others made, and remove."""

    def __init__(self, hierarchies, path):  # pylint: disable=super-init-not-called
        self.hierarchies, self.raw = hierarchies, os.fsencode(path)
        self.folders = hierarchies.folders(self.raw)


class Task:
    """A container as the kernel and the state directory have it. `cgroup` is its path within the
    hierarchies, `kernel` what the kernel says of it."""

    id = containerd_namespace = cgroup = None

    def __init__(self, bed):
        self.bed = bed

    @property
    def bundle(self):
        return os.path.join(self.bed.state_dir, "io.containerd.runtime.v2.task",
                            self.containerd_namespace, self.id)

    @property
    def pid(self):
        with open(os.path.join(self.bundle, "init.pid"), encoding="utf-8") as file:
            return int(file.read())

    @property
    def kernel(self):
        return Existing(self.bed.hierarchies, self.cgroup)

    @property
    def folder(self):
        """Of its cgroup in the hierarchy of the cpu controller."""
        return os.fsdecode(self.kernel.folders[0])


class Plain(Task):
    """A container by `ctr`, without a pod."""

    def __init__(self, bed, id, namespace, cgroup):  # pylint: disable=redefined-builtin
        super().__init__(bed)
        self.id, self.containerd_namespace, self.cgroup = id, namespace, cgroup
        self.log_path = os.path.join(bed.folder, "logs", f"{namespace}-{id}.log")

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def exec(self, args, exec_id="exec"):
        """(exit code, output). ctr itself says 1 if it could not."""
        done = self.bed.ctr_command("tasks", "exec", "--exec-id", exec_id, self.id, *args,
                                    namespace=self.containerd_namespace)
        return done.returncode, done.stdout + done.stderr

    def remove(self):
        self.bed.remove_plain([self])


class Container(Task):
    containerd_namespace = "k8s.io"

    def __init__(self, pod, name, args, request, limit, env, burst_us, annotations):
        super().__init__(pod.bed)
        self.pod, self.name, self.args, self.env = pod, name, args, env
        self.request, self.limit, self.burst_us = request, limit, burst_us
        self.annotations, self.attempt = annotations, 0

    def _call(self, method, **fields):
        return self.bed.call(method, container_id=self.id, **fields)

    def start(self):
        """Creates and starts it, as the next attempt if it was there before."""
        labels = {**self.pod.labels, "io.kubernetes.container.name": self.name}
        annotations = {"io.kubernetes.container.restartCount": str(self.attempt),
                       "io.kubernetes.pod.terminationGracePeriod": "30", **self.annotations}
        self.id = self.bed.call(
            "CreateContainer", pod_sandbox_id=self.pod.sandbox_id, sandbox_config=self.pod.config,
            config={"metadata": {"name": self.name, "attempt": self.attempt},
                    "image": {"image": images.LOAD}, "command": self.args,
                    "envs": [{"key": k, "value": v} for k, v in self.env.items()],
                    "labels": labels, "annotations": annotations,
                    "log_path": f"{self.name}-{self.attempt}.log",
                    "linux": {"resources": _resources(self.request, self.limit),
                              "security_context": {"namespace_options": {
                                  "network": "NODE", "pid": "CONTAINER"}}}}).container_id
        self.cgroup = f"{self.pod.cgroup}/{self.id}"
        self._call("StartContainer")
        if self.burst_us:
            self.kernel.limit(_resources(0, self.limit)["cpu_quota"], PERIOD_US, self.burst_us)

    def exec(self, args, timeout=20):
        """(exit code, output), as an exec probe has it."""
        done = self._call("ExecSync", cmd=args, timeout=timeout)
        return done.exit_code, (done.stdout + done.stderr).decode(errors="replace")

    def status(self):
        return self._call("ContainerStatus").status

    def running(self):
        return self.status().state == 1  # CONTAINER_RUNNING

    def usage_seconds(self):
        """CPU time, as the runtime tells it."""
        return self._call("ContainerStats").stats.cpu.usage_core_nano_seconds.value / 1e9

    def wait(self, patience=60):
        """Exit code, once it has ended by itself."""
        until(lambda: self.status().finished_at, f"{self.name} has ended", patience)
        return self.status().exit_code

    def log(self):
        """What it printed on both outputs, this attempt only."""
        path = os.path.join(self.pod.log_directory, f"{self.name}-{self.attempt}.log")
        with open(path, encoding="utf-8") as file:
            # The last line may be half written.
            lines = (line[:-1].split(" ", 3) for line in file if line.endswith("\n"))
            return "".join(text + ("\n" if tag == "F" else "") for _, _, tag, text in lines)

    def update(self, limit=None, request=None):
        """Resizes in place; None leaves it as it is, a limit of 0 takes it away."""
        grows = limit == 0 or (limit or 0) > (self.limit or float("inf"))
        self.request = self.request if request is None else request
        self.limit = self.limit if limit is None else limit or None

        def resize():
            self._call("UpdateContainerResources", linux=_resources(self.request, self.limit))
        # No cgroup may have a higher limit than the one above it.
        for step in (self.pod.fit, resize) if grows else (resize, self.pod.fit):
            step()

    def stop(self, timeout=0):
        """Kills it after that many seconds of asking."""
        self._call("StopContainer", timeout=timeout)

    def restart(self, timeout=0):
        """A new container of the same name, as after a crash."""
        self.stop(timeout)
        self._call("RemoveContainer")
        self.attempt += 1
        self.start()

    def remove(self):
        self.stop()
        self._call("RemoveContainer")
        self.pod.containers.remove(self)
        self.pod.fit()


class Pod(Task):
    """Its own id, pid and bundle are those of the sandbox; its cgroup is the one around all of its
    containers."""

    containerd_namespace = "k8s.io"

    def __init__(self, bed, namespace, name, uid, qos, annotations, labels):
        super().__init__(bed)
        self.namespace, self.name, self.uid = namespace, name, uid
        self.containers = []
        level = {"guaranteed": "", "burstable": "/burstable", "besteffort": "/besteffort"}[qos]
        self.cgroup = f"{bed.root_cgroup}/kubepods{level}/pod{uid}"
        self.log_directory = os.path.join(bed.folder, "logs", f"{namespace}_{name}_{uid}")
        self.labels = {"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace,
                       "io.kubernetes.pod.uid": uid, **labels}
        self.config = {
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "log_directory": self.log_directory, "labels": self.labels,
            "annotations": {"kubernetes.io/config.source": "api", **annotations},
            "linux": {"cgroup_parent": self.cgroup, "security_context": {
                "namespace_options": {"network": "NODE", "pid": "CONTAINER"}}}}
        bed.make_cgroup(self.cgroup)
        self.fit()
        self.id = bed.call("RunPodSandbox", config=self.config).pod_sandbox_id

    @property
    def sandbox_id(self):
        return self.id

    def fit(self):
        """Gives its cgroup the sum of its containers; a limit only if each of them has one."""
        asked = [_resources(c.request, c.limit) for c in self.containers]
        self.bed.set_shares(self.cgroup, max(2, sum(r["cpu_shares"] for r in asked)))
        quotas = [r["cpu_quota"] for r in asked]
        if quotas and -1 not in quotas:
            self.kernel.limit(sum(quotas), PERIOD_US)
        else:
            self.kernel.clear_limit()

    def add(self, name, args, request=None, limit=None, env=None, burst_us=0, annotations=None):
        """A running container; request and limit are in cores. The program is one of the image."""
        container = Container(self, name, args, request, limit, env or {}, burst_us,
                              annotations or {})
        self.containers.append(container)
        self.fit()
        container.start()
        return container

    def status(self):
        return self.bed.call("PodSandboxStatus", pod_sandbox_id=self.id).status

    def stop(self):
        self.bed.call("StopPodSandbox", pod_sandbox_id=self.id)

    def remove(self):
        self.stop()
        self.bed.call("RemovePodSandbox", pod_sandbox_id=self.id)
        _remove_cgroup(self.cgroup)
        self.bed.pods.remove(self)


class TestBed:
    """`programs` are static ones, put into /bin of the image beside busybox. `root_cgroup` is an
    absolute path that must not exist yet, just as `state_dir`. `runtime` is a program to be called
    in place of runc, by pods; it is copied to self.runtime."""

    __test__ = False  # no test by itself, whatever its name

    def __init__(self, programs=(), root_cgroup=None, state_dir=None, runtime=None):
        sweep()
        name = f"{_PREFIX}{os.getpid()}-{_started(os.getpid())}-{next(_counter)}"
        self.folder = os.path.join(os.path.realpath(tempfile.gettempdir()), name)
        self.hierarchies = Hierarchies()
        self.root_cgroup = root_cgroup or "/" + name
        self.state_dir = os.path.realpath(state_dir or os.path.join(self.folder, "state"))
        self.socket = os.path.join(self.folder, "containerd.sock")
        self.pods = []
        self._closed, self._cri, self._containerd, self._mounts = False, None, None, None
        self._imported, self._lock = set(), threading.Lock()
        for path in (self.state_dir, *(m + self.root_cgroup for m in cgroup_mounts())):
            if os.path.exists(path):
                raise FileExistsError(f"{path} is not the test bed's own")
        cleanup.at_end(self.close)
        try:
            self._make(programs, runtime)
            self._start()
            self._import("k8s.io")
            for image in (images.PAUSE, images.LOAD):
                until(lambda i=image: self.call("ImageStatus", image={"image": i}).image.id,
                      f"{image} is known")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _make(self, programs, runtime):
        os.mkdir(self.folder, 0o700)
        with open(os.path.join(self.folder, "made.json"), "w", encoding="utf-8") as file:
            json.dump({"cgroup": self.root_cgroup, "state": self.state_dir}, file)
        os.chmod(self.folder, 0o711)  # who may read the state directory must get there
        os.mkdir(self.state_dir, 0o711)
        for name in ("run", "keep", "temp", "logs"):
            os.mkdir(os.path.join(self.folder, name))
        self.make_cgroup(self.root_cgroup + "/system.slice/containerd.service")
        for level in ("", "/burstable", "/besteffort"):
            self.make_cgroup(self.root_cgroup + "/kubepods" + level)
        self.set_shares(self.root_cgroup + "/kubepods", _shares(os.cpu_count()))
        self.set_shares(self.root_cgroup + "/kubepods/besteffort", 2)
        self._images = os.path.join(self.folder, "images.tar")
        images.write(self._images, shutil.which("busybox"), programs)
        self._snapshotter = "overlayfs" if self._overlay_works() else "native"
        self.runtime = runtime and shutil.copy(runtime, self.folder)
        with open(os.path.join(self.folder, "config.toml"), "w", encoding="utf-8") as file:
            file.write(_CONFIG.format(
                folder=self.folder, state=self.state_dir, pause=images.PAUSE,
                snapshotter=self._snapshotter,
                runtime=f"BinaryName = {json.dumps(self.runtime)}\n" if runtime else ""))

    def _overlay_works(self):
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            a, b, c, d = (os.path.join(folder, name) for name in "abcd")
            for path in (a, b, c, d):
                os.mkdir(path)
            return subprocess.run(
                ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o",
                 f"lowerdir={a},upperdir={b},workdir={c}", d],
                capture_output=True, check=False).returncode == 0

    def make_cgroup(self, path):
        at = ""
        for part in path.strip("/").split("/"):
            if self.hierarchies.v2:
                with open(f"{self.hierarchies.cpu}{at}/cgroup.subtree_control", "w",
                          encoding="utf-8") as file:
                    file.write("+cpu")
            at += "/" + part
            for folder in self.hierarchies.folders(os.fsencode(at)):
                os.makedirs(folder, exist_ok=True)

    def set_shares(self, path, shares):
        folder = self.hierarchies.cpu + path
        name, value = "cpu.shares", shares
        if self.hierarchies.v2:
            name, value = "cpu.weight", 1 + (shares - 2) * 9999 // 262142
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(str(value))

    # containerd

    def _start(self):
        place = self.root_cgroup + "/system.slice/containerd.service"
        join = [os.fsdecode(folder) + "/cgroup.procs"
                for folder in self.hierarchies.folders(os.fsencode(place))]
        if self._mounts is None:
            command = ["unshare", "--mount", "--propagation", "private",
                       "sh", "-ec", _MOUNTS, "sh", self.folder, self.state_dir]
        else:
            command = ["nsenter", self._enter(), "containerd", "--config",
                       os.path.join(self.folder, "config.toml")]
        # In a session of its own, a Ctrl-C in the terminal is for us alone.
        self._containerd = Process(["sh", "-ec", _JOIN, "sh", *command], start_new_session=True,
                                   env={**os.environ, "JOIN": " ".join(join)})
        self._containerd.wait_for_log("containerd successfully booted")
        import cri  # pylint: disable=import-outside-toplevel # not to be had everywhere
        self._cri = cri.Runtime(self.socket)

        def answers():
            with contextlib.suppress(cri.Error):
                return self.call("ListContainers") is not None
            return False
        until(answers, lambda: f"containerd answers:\n{self._containerd.log()}")
        if self._mounts is None:
            # The open file keeps the mounts while containerd is away.
            self._mounts = os.open(f"/proc/{self._containerd.pid}/ns/mnt", os.O_RDONLY)

    def _enter(self):
        return f"--mount=/proc/{os.getpid()}/fd/{self._mounts}"

    @property
    def containerd_pid(self):
        return self._containerd.pid

    def containerd_log(self):
        return self._containerd.log()

    def restart_containerd(self):
        """Kills it and starts it again; shims and containers live on."""
        self._cri.close()
        self._containerd.kill()
        self._start()

    def call(self, method, patience=60, **fields):
        """Any method of cri.proto; messages within messages are dicts."""
        return self._cri.call(method, patience, **fields)

    def ctr_command(self, *arguments, namespace="default", patience=60):
        return subprocess.run(
            ["nsenter", self._enter(), "ctr", "--address", self.socket, "--namespace", namespace,
             *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=patience, env={**os.environ, "CONTAINERD_SNAPSHOTTER": self._snapshotter})

    def ctr(self, *arguments, namespace="default", patience=60):
        """What it printed."""
        done = self.ctr_command(*arguments, namespace=namespace, patience=patience)
        if done.returncode != 0:
            raise RuntimeError(f"ctr {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def _import(self, namespace):
        with self._lock:
            if namespace not in self._imported:
                self.ctr("images", "import", self._images, namespace=namespace)
                self._imported.add(namespace)

    # pods and containers

    def run_pod(self, namespace, name, uid=None, qos="burstable", annotations=None, labels=None):
        """qos: guaranteed, burstable or besteffort. Containers are added to it."""
        pod = Pod(self, namespace, name, uid or str(uuid.uuid4()), qos, annotations or {},
                  labels or {})
        self.pods.append(pod)
        return pod

    # pylint: disable-next=redefined-builtin
    def run_plain(self, id, args, containerd_namespace="default", cgroup=None, request=1,
                  limit=None, annotations=None):
        """A container without a pod; `cgroup` is a path below the bed's own."""
        self._import(containerd_namespace)
        path = f"{self.root_cgroup}/{(cgroup or f'{containerd_namespace}/{id}').strip('/')}"
        plain = Plain(self, id, containerd_namespace, path)
        resources = _resources(request, limit)
        options = ["--cpu-shares", str(resources["cpu_shares"])]
        if limit is not None:
            options += ["--cpu-quota", str(resources["cpu_quota"]), "--cpu-period", str(PERIOD_US)]
        for key, value in (annotations or {}).items():
            options += ["--annotation", f"{key}={value}"]
        self.ctr("run", "--detach", "--net-host", "--log-uri", f"file://{plain.log_path}",
                 "--cgroup", path, *options, images.LOAD, id, *args,
                 namespace=containerd_namespace)
        return plain

    def remove_plain(self, plains):
        for namespace in {plain.containerd_namespace for plain in plains}:
            ids = [plain.id for plain in plains if plain.containerd_namespace == namespace]
            parts = [ids[i::4] for i in range(min(4, len(ids)))]
            for command in (("tasks", "rm", "--force"), ("containers", "rm")):
                self.each(lambda part, c=command, n=namespace:
                          self.ctr(*c, *part, namespace=n, patience=600), parts)

    @staticmethod
    def each(function, items, workers=4):
        """[function(item)], several at a time: bed.each(lambda i: bed.run_pod("n", f"p{i}"),
        range(20))."""
        pool = concurrent.futures.ThreadPoolExecutor(workers)
        try:
            return list(pool.map(function, items))
        finally:
            pool.shutdown(cancel_futures=True)

    def close(self):
        with _undisturbed():
            if self._closed:
                return
            self._closed = True
            if self._cri:
                self._cri.close()
            if self._containerd:
                self._containerd.kill()
            if self._mounts is not None:
                os.close(self._mounts)
            if os.path.isdir(self.folder):
                _destroy(self.folder)


# By hand.

_SHOWN = [  # namespace, name, QoS, {container: (request, limit, load)}
    ("shop", "web", "burstable", {"app": (0.1, 0.2, "--threads 4 --busy 20ms --idle 200ms"),
                                  "proxy": (0.05, 0.3, "--busy 1ms --idle 9ms")}),
    ("shop", "api", "guaranteed", {"app": (0.3, 0.3, "--busy 7ms --idle 43ms")}),
    ("batch", "job", "besteffort",
     {"work": (None, None, "--threads 4 --busy 100ms --idle 1900ms")}),
]


def _up(options):
    with TestBed([options.load], options.root_cgroup, options.state_dir) as bed:
        rows = [("NAMESPACE", "POD", "CONTAINER", "REQUEST", "LIMIT", "LOAD", "ID")]
        cgroups = []
        for number in range(options.pods):
            namespace, name, qos, containers = _SHOWN[number % len(_SHOWN)]
            pod = bed.run_pod(namespace, f"{name}-{number // len(_SHOWN)}", qos=qos)
            for key, (request, limit, load) in containers.items():
                container = pod.add(
                    key, [os.path.basename(options.load), *load.split(), "--duration", "0"],
                    request, limit)
                rows.append((namespace, pod.name, key, request or "-", limit or "-", load,
                             container.id[:12]))
                cgroups.append(container.cgroup)
        widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
        config = os.path.join(bed.folder, "throttlelens.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"runtimes: {{containerd: [{json.dumps(bed.state_dir)}]}}\n")
        print("\ncgroups:", *cgroups, sep="\n  ")
        print(f"""
state directory: {bed.state_dir}
socket:          {bed.socket}
configuration:   {config}

  build/throttlelens top --config {config}
  build/throttlelens run --config {config}

Ctrl-C removes it all.""", flush=True)
        signal.pause()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="makes pods, shows them, and removes them at Ctrl-C")
    up.add_argument("--pods", type=int, default=3)
    up.add_argument("--load", default=os.path.join(_TOP, "build", "tl_load"),
                    help="the static load program; default: build/tl_load")
    up.add_argument("--state-dir", help="containerd's; must not exist yet")
    up.add_argument("--root-cgroup", help="the cgroup around all; must not exist yet")
    commands.add_parser("sweep", help="removes what killed test beds left behind")
    options = parser.parse_args()
    cleanup.on_signals()
    if options.command == "sweep":
        print(*sweep(), sep="\n")
        return
    need_test_bed()
    need(os.path.exists(options.load),
         f"{options.load} is not there (cmake --build build --target tl_load)")
    _up(options)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (unittest.SkipTest, OSError) as error:
        sys.exit(f"testbed.py: {error}")
