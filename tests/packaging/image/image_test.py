#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The image as a node runs it: by a real containerd, with exactly what the manifest gives it.

usage: image_test.py ARCHIVE TL_LOAD [unittest arguments]

ARCHIVE is what build_image.py made.
"""

import json
import os
import re
import stat
import sys
import unittest

_HERE = os.path.dirname(os.path.abspath(__file__))
_TESTS = os.path.dirname(os.path.dirname(_HERE))
sys.path += [_HERE, os.path.join(_TESTS, "e2e", "lib"), os.path.join(_TESTS, "support", "testbed")]

# pylint: disable=wrong-import-position
import cleanup
import worker
from archive import Archive
from deadline import until, until_agreed
from deployed import TASKS, Deployed, give_network
from manifest import Manifest
from needs import need
from scenario import argument, load_program, main
from testbed import TestBed, need_test_bed

MANIFEST = os.path.join(_TESTS, "packaging", "kubernetes", "golden", "kustomize.yaml")
MIB = 1 << 20
# The highest that capabilities(7) knows, for CapEff and the like.
BITS = {"SYS_PTRACE": 19, "DAC_READ_SEARCH": 2, "SYS_RESOURCE": 24, "PERFMON": 38, "BPF": 39}
TROUBLE = re.compile(r"^\S+ (?!info: )", re.M)


def info(samples):
    ((labels, _),) = samples.rows("throttlelens_probe_info")
    return labels


def need_image():
    need(os.path.exists(argument("archive")), "no image was built")


class Contents(unittest.TestCase):
    """The image itself."""

    @classmethod
    def setUpClass(cls):
        need_image()
        cls.image = Archive(argument("archive"))

    def test_it_is_small(self):
        print(f"\n{self.image.compressed / MIB:.1f} MiB compressed, "
              f"{self.image.uncompressed / MIB:.1f} MiB unpacked")
        self.assertLess(self.image.uncompressed, 40 * MIB)

    def test_nothing_but_the_program_and_what_it_loads(self):
        for path, entry in self.image.files.items():
            if entry.mode & 0o111 and entry.isreg():
                self.assertRegex(path, r"^(usr/bin/throttlelens|usr/lib/[\w-]+/lib[\w.+-]+\.so[\d.]*"
                                       r"|lib64/ld-linux-x86-64\.so\.2)$")
            self.assertFalse(entry.mode & (stat.S_ISUID | stat.S_ISGID), path)
            self.assertEqual((entry.uid, entry.gid), (0, 0), path)
            self.assertFalse(entry.mode & 0o022 and not entry.issym(), f"{path} can be written")
        self.assertFalse([path for path in self.image.files if re.search(r"/(ba|da|)sh$", path)])

    def test_configuration_is_the_documented_one(self):
        with open(os.path.join(_TESTS, "..", "config", "throttlelens.yaml"), "rb") as file:
            self.assertEqual(self.image.read("etc/throttlelens/throttlelens.yaml"), file.read())

    def test_licences_of_all_that_is_in_it(self):
        libraries = [p for p in self.image.files if re.search(r"/lib[^/]*\.so[^/]*$", p)]
        self.assertGreater(len(libraries), 5)
        packages = [os.path.basename(p) for p in self.image.files
                    if p.startswith("var/lib/dpkg/status.d/") and self.image.files[p].isreg()]
        self.assertGreater(len(packages), 5)
        # Of some, headers are all there is.
        for package in [*packages, "throttlelens", "nlohmann-json3-dev", "libcli11-dev"]:
            self.assertIn(f"usr/share/doc/{package}/copyright", self.image.files)
        self.assertIn("usr/share/common-licenses/LGPL-2.1", self.image.files)

    def test_configuration_of_the_image(self):
        config = self.image.config["config"]
        self.assertEqual(config["Entrypoint"], ["/usr/bin/throttlelens"])
        self.assertEqual(config["Cmd"], ["run"])
        self.assertEqual(config["User"], "0")
        self.assertEqual(list(config["ExposedPorts"]), ["9976/tcp"])
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(config["Env"], ["PATH=/usr/bin"])
        labels = {name.removeprefix("org.opencontainers.image."): value
                  for name, value in config["Labels"].items()}
        self.assertEqual(set(labels), {"title", "description", "licenses", "version", "revision",
                                       "created", "base.name"})
        self.assertEqual(labels["title"], "throttlelens")
        self.assertEqual(f"docker.io/library/throttlelens:{labels['version']}", self.image.name)
        self.assertRegex(labels["revision"], r"^[0-9a-f]{40}(-dirty)?$")
        # It is as old as its commit, whenever it was built.
        self.assertEqual(labels["created"][:19], self.image.config["created"][:19])


class WithImage(unittest.TestCase):
    """A test bed with the image, and the manifest."""

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cleanup.close_all)
        need_image()
        need_test_bed()
        cls.manifest = Manifest(MANIFEST)
        cls.bed = TestBed([load_program()])
        give_network(cls.bed)
        cls.bed.ctr("images", "import", argument("archive"), namespace="k8s.io")
        cls.image = Archive(argument("archive")).name
        until(lambda: cls.bed.call("ImageStatus", image={"image": cls.image}).image.id,
              f"{cls.image} is known")

    def deploy(self, manifest=None):
        """Running, and removed when the test is over."""
        pod = Deployed(self.bed, manifest or self.manifest, self.image)
        self.addCleanup(pod.remove)
        return pod

    def assert_no_trouble(self, pod):
        log = pod.log()
        self.assertIn(" info: ready", log)
        self.assertNotRegex(log, TROUBLE)


class Pod(WithImage):
    """As the manifest has it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.before = cls.bed.run_pod("shop", "before")
        cls.before.add("app", ["sleep", "1000000"], limit=1)
        cls.pod = Deployed(cls.bed, cls.manifest, cls.image).wait_ready()
        cls.after = cls.bed.run_pod("shop", "after")
        cls.worker = worker.Worker(cls.after.add("app", worker.COMMAND, request=1, limit=0.05))

    def row(self, name, **labels):
        return self.pod.metrics().value(f"throttlelens_container_{name}", namespace="shop",
                                        pod="after", container="app", **labels)

    def test_everything_is_counted_in_the_kernel(self):
        samples = self.pod.metrics()
        self.assertEqual(info(samples)["tier"], "bpf")
        report, document = self.pod.doctor()
        self.assertEqual(document["tier"], "bpf", report)
        self.assertNotRegex(report, "MISSING|to get it|unreadable")

    def test_the_kernel_says_the_same(self):
        self.worker.run("--threads", "4", "--busy", "20ms", "--idle", "60ms", "--duration", "2s")
        kernel = self.worker.container.kernel

        def agreed():
            used, wanted = self.row("cpu_usage_seconds_total"), kernel.usage()
            self.assertIsNotNone(used)
            # v1 misplaces what ran while the runtime moved it.
            self.assertAlmostEqual(used, wanted, delta=0.005 + 0.0005 * wanted)
            told = kernel.bandwidth()
            for name in ("cfs_periods_total", "cfs_throttled_periods_total",
                         "throttled_seconds_total"):
                self.assertAlmostEqual(self.row("cpu_" + name), told[name], delta=1e-6, msg=name)
        until_agreed(agreed)
        self.assertGreater(self.row("cpu_cfs_throttled_periods_total"), 0)
        self.assertEqual(self.row("cpu_limit_cores"), 0.05)
        self.assertGreater(self.row("cpu_wait_seconds_total", cause="throttle"), 0)

    def test_names_of_those_before_and_after(self):
        samples = self.pod.metrics()
        named = {(labels.get("namespace"), labels.get("pod"), labels.get("container"))
                 for labels, _ in samples.rows("throttlelens_container_info")}
        self.assertLessEqual({("shop", "before", "app"), ("shop", "after", "app"),
                              ("throttlelens", self.pod.name, "throttlelens")}, named)
        errors = dict((labels["source"], value) for labels, value in
                      samples.rows("throttlelens_metadata_errors_total"))
        self.assertEqual(errors.get("containerd", 0), 0)

    def test_what_a_pod_costs(self):
        for _ in range(3):
            self.assertEqual(self.worker.container.exec(["true"])[0], 0)

        def told():
            samples = self.pod.metrics()

            def value(name, component):
                return samples.value(f"throttlelens_pod_overhead_{name}", namespace="shop",
                                     pod="after", component=component)
            for component in ("shim", "runc"):
                self.assertGreater(value("cpu_seconds_total", component) or 0, 0, component)
            self.assertGreater(value("private_memory_bytes", "shim") or 0, 500_000)
            self.assertGreater(value("private_memory_bytes", "pause") or 0, 10_000)
        until_agreed(told)

    def test_a_snapshot_by_exec(self):
        code, text, errors = self.pod.exec("throttlelens", "snapshot", "-o", "json")
        self.assertEqual((code, errors), (0, ""))
        pods = {(pod.get("namespace"), pod.get("pod")) for pod in json.loads(text)["pods"]}
        self.assertIn(("shop", "after"), pods)

    def test_exactly_the_capabilities_of_the_manifest(self):
        status = dict(line.split(":\t", 1) for line in self.pod.proc("status").splitlines()
                      if ":\t" in line)
        wanted = sum(1 << BITS[name] for name in self.manifest.capabilities)
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            self.assertEqual(int(status[kind], 16), wanted, kind)
        for kind in ("CapInh", "CapAmb"):
            self.assertEqual(int(status[kind], 16) & ~wanted, 0, kind)
        self.assertEqual(status["Seccomp"], "2")
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Uid"].split(), ["0"] * 4)

    def test_nothing_of_the_node_can_be_written_or_asked(self):
        options = {}
        for line in self.pod.proc("mountinfo").splitlines():
            fields = line.split(" ")
            options[fields[4]] = fields[5].split(",")
        self.assertIn("ro", options["/"])
        for mount in self.manifest.container["volumeMounts"]:
            self.assertIn("ro", options[mount["mountPath"]], mount)
        root = f"/proc/{self.pod.pid}/root"
        tasks = f"{root}/run/containerd/{TASKS}"
        self.assertEqual(os.listdir(f"{root}/run/containerd"), [TASKS])
        self.assertIn(self.worker.container.id, os.listdir(f"{tasks}/k8s.io"))
        # Not of those within the file systems of containers, which are theirs.
        sockets = [os.path.join(at, name) for at, folders, names in os.walk(tasks)
                   for name in names if stat.S_ISSOCK(os.lstat(os.path.join(at, name)).st_mode)
                   or folders.count("rootfs") and folders.remove("rootfs")]
        self.assertEqual(sockets, [])

    def test_it_answers_on_ipv6_too(self):
        self.assertEqual(self.pod.get("/livez", host="[::1]")[0], 200)

    def test_nothing_was_refused(self):
        self.assert_no_trouble(self.pod)

    def test_a_rolling_update_ends_it_cleanly(self):
        pod = self.deploy().wait_ready()
        self.assertEqual(pod.terminate(), 0, pod.log())
        self.assert_no_trouble(pod)


class Capabilities(WithImage):
    """What is lost with each of them, and that it is told which one is missing."""

    def setUp(self):
        self.shop = self.bed.run_pod("shop", self.id().rpartition(".")[2].replace("_", "-"))
        self.shop.add("app", ["sleep", "1000000"], limit=1)
        self.addCleanup(self.shop.remove)

    def named(self, samples):
        return ("shop", self.shop.name, "app") in {
            (labels.get("namespace"), labels.get("pod"), labels.get("container"))
            for labels, _ in samples.rows("throttlelens_container_info")}

    def memory(self, samples):
        return samples.value("throttlelens_pod_overhead_private_memory_bytes", namespace="shop",
                             pod=self.shop.name, component="shim")

    def without(self, capability):
        return self.deploy(self.manifest.without_capability(capability)).wait_ready()

    def assert_polled(self, capability, other):
        pod = self.without(capability)
        samples = pod.metrics()
        self.assertEqual(info(samples)["tier"], "cpustat")
        self.assertTrue(self.named(samples))
        report, document = pod.doctor()
        self.assertEqual(document["tier"], "cpustat")
        for text in (info(samples)["reason"], document["reason"], pod.log()):
            self.assertIn(f"CAP_{capability}", text)
            self.assertNotIn(f"CAP_{other}", text)
        self.assertRegex(report, rf"MISSING +CAP_{capability}")

    def test_bpf(self):
        self.assert_polled("BPF", "PERFMON")

    def test_perfmon(self):
        self.assert_polled("PERFMON", "BPF")

    def test_sys_ptrace(self):
        pod = self.without("SYS_PTRACE")
        report, document = pod.doctor()
        self.assertRegex(report, r"absent +private memory +CAP_SYS_PTRACE")
        self.assertEqual(document["tier"], "bpf")
        samples = pod.metrics()
        self.assertTrue(self.named(samples))
        self.assertEqual(samples.rows("throttlelens_pod_overhead_private_memory_bytes"), [])
        self.assertIn("CAP_SYS_PTRACE", pod.log())

    def test_dac_read_search(self):
        """Bundles are root's with containerd, and we are root. Those of others are not for us: of
        Podman without root, or where a runtime maps users."""
        others = self.bed.run_pod("shop", "others")
        self.addCleanup(others.remove)
        app = others.add("app", ["sleep", "1000000"])
        os.chown(app.bundle, 12345, 12345)
        os.chmod(app.bundle, 0o700)

        def ids(pod):
            return {(labels.get("pod"), labels.get("container"))
                    for labels, _ in pod.metrics().rows("throttlelens_container_info")}
        pod = self.deploy().wait_ready()
        self.assertIn(("others", "app"), ids(pod))
        unnamed = pod.doctor()[1]["containers"]["unnamed"]  # of other runtimes of this machine

        pod = self.without("DAC_READ_SEARCH")
        samples = pod.metrics()
        self.assertEqual(info(samples)["tier"], "bpf")
        self.assertTrue(self.named(samples))
        self.assertNotIn(("others", "app"), ids(pod))
        self.assertGreater(samples.value("throttlelens_metadata_errors_total",
                                         source="containerd"), 0)
        self.assertIn("CAP_DAC_READ_SEARCH", pod.log())
        self.assertEqual(pod.doctor()[1]["containers"]["unnamed"], unnamed + 1)


class Surroundings(WithImage):
    """What is lost with other parts of the manifest, and that it is told."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shop = cls.bed.run_pod("shop", "web")
        cls.app = cls.shop.add("app", ["sleep", "1000000"], limit=1)

    def containers(self, samples):
        return {(labels.get("pod"), labels.get("container"))
                for labels, _ in samples.rows("throttlelens_container_info")}

    def test_without_the_pids_of_the_node(self):
        pod = self.deploy(self.manifest.without_host_pid()).wait_ready()
        self.assertEqual(self.app.exec(["true"])[0], 0)
        samples = pod.metrics()
        self.assertEqual(info(samples)["tier"], "bpf")
        self.assertIn(("web", "app"), self.containers(samples))
        # Absent, not those of processes that have the same numbers here. (Whose runc it was is told
        # by the kernel.)
        self.assertNotIn("shim", {labels["component"] for labels, _ in
                                  samples.rows("throttlelens_pod_overhead_cpu_seconds_total")})
        self.assertEqual(samples.rows("throttlelens_pod_overhead_private_memory_bytes"), [])
        self.assertIn("hostPID: true", pod.log())
        self.assertRegex(pod.doctor()[0], r"absent +processes of the node")

    def test_without_the_bundles(self):
        pod = self.deploy(self.manifest.without_volume("bundles")).wait_ready()
        samples = pod.metrics()
        self.assertEqual(info(samples)["tier"], "bpf")
        # What its cgroup tells: the uid of its pod, and its own id.
        self.assertIn((self.shop.uid, self.app.id), self.containers(samples))
        report, document = pod.doctor()
        self.assertEqual(document["containers"]["named"], 0)
        self.assertRegex(report, r"known by id only\n +to name them: .*\n.*mounted")

    def test_without_the_cgroups_of_the_node(self):
        pod = self.deploy(self.manifest.without_volume("cgroup")).wait_ready()
        self.assertEqual(self.containers(pod.metrics()), set())
        self.assertRegex(pod.log(), r"warning: .*only the part .*mount the node's /sys/fs/cgroup")
        self.assertIn("only the part", pod.doctor()[0])


if __name__ == "__main__":
    sys.exit(main(__doc__, ("archive", "tl_load")))
