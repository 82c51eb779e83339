#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Helm chart and the kustomize base, rendered by the real tools.

    kubernetes_test.py THROTTLELENS [CLASS…]
    kubernetes_test.py --renew              writes golden/ anew, to be read as a diff
"""

import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

import yaml

from renderings import EVERYTHING, HELM, PAIRS, RUNTIMES
from tools import CHART, HERE, KUSTOMIZE, ROOT, Failed, Tools, of_kind, parse, the

GOLDEN = HERE / "golden"
LICENCE = "# SPDX-License-Identifier: Apache-2.0\n"
throttlelens = ""
tools: Tools


def setUpModule():
    global tools
    tools = Tools()


def tearDownModule():
    tools.close()


def renderings() -> dict:
    """All of them, by name, as objects."""
    found = {f"helm: {name}": parse(tools.helm(*options)) for name, options in HELM.items()}
    found.update({f"kustomize: {name}": parse(tools.kustomize(*components)) for name, (_, components) in PAIRS.items()})
    return found


def container_of(objects: list) -> dict:
    (container,) = the(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"]
    return container


def config_of(objects: list) -> dict:
    (text,) = [found["data"]["throttlelens.yaml"] for found in of_kind(objects, "ConfigMap")
               if "throttlelens.yaml" in found["data"]]
    return yaml.safe_load(text)


def from_files(found: dict) -> bool:
    """A dashboard or rules: as they are in packaging/, which Chart.test_files looks at."""
    return found["kind"] == "PrometheusRule" or "-dashboard-" in found["metadata"]["name"]


def golden() -> dict:
    everything = [found for found in parse(tools.helm(*EVERYTHING)) if not from_files(found)]
    return {
        "kustomize.yaml": tools.run("kubectl", "kustomize", KUSTOMIZE / "base"),
        "helm.yaml": tools.helm(),
        "helm-everything.yaml": yaml.safe_dump_all(everything, sort_keys=True, width=100),
    }


class Chart(unittest.TestCase):
    def test_lint(self):
        for options in ((), EVERYTHING):
            self.assertIn("0 chart(s) failed", tools.run("helm", "lint", "--strict", CHART, *options))

    def test_one_version(self):
        version = re.search(r"project\([^)]*VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        self.assertEqual((chart["version"], chart["appVersion"]), (version, version))
        for objects in (parse(tools.helm()), parse(tools.kustomize())):
            self.assertEqual(container_of(objects)["image"], f"throttlelens:{version}")
            for found in objects:
                self.assertEqual(found["metadata"]["labels"]["app.kubernetes.io/version"], version)

    def test_package(self):
        """What is packed stands alone: files in place of links, and it renders the same."""
        with tempfile.TemporaryDirectory() as made:
            tools.run("helm", "package", CHART, "--destination", made)
            (packed,) = pathlib.Path(made).glob("*.tgz")
            with tarfile.open(packed) as archive:
                members = archive.getmembers()
                self.assertEqual([member.name for member in members if not member.isreg()], [])
                held = {member.name: archive.extractfile(member).read() for member in members}
            for path in CHART.rglob("*"):
                if path.is_file() and not path.name.startswith("."):
                    name = f"throttlelens/{path.relative_to(CHART)}"
                    self.assertIn(name, held)
                    if path.name != "Chart.yaml":  # written anew
                        self.assertEqual(held[name], path.read_bytes(), name)
            self.assertEqual(tools.helm(*EVERYTHING, chart=packed), tools.helm(*EVERYTHING))

    def test_files(self):
        """All rules and dashboards are in it, unchanged but for where runbooks are."""
        objects = parse(tools.helm(*EVERYTHING))
        sources = sorted((ROOT / "packaging" / "grafana").glob("*.json"))
        self.assertGreaterEqual(len(sources), 3)
        boards = {name: text for found in of_kind(objects, "ConfigMap") if from_files(found)
                  for name, text in found["data"].items()}
        self.assertEqual(sorted(boards), [f"throttlelens-{path.name}" for path in sources])
        for path in sources:
            self.assertEqual(json.loads(boards[f"throttlelens-{path.name}"]), json.loads(path.read_text()), path)

        sources = sorted((ROOT / "packaging" / "prometheus").glob("*.rules.yaml"))
        self.assertGreaterEqual(len(sources), 2)
        rules = {found["metadata"]["name"]: found["spec"] for found in of_kind(objects, "PrometheusRule")}
        self.assertEqual(sorted(rules), [f"node-lens-{path.name.removesuffix('.rules.yaml')}" for path in sources])
        alerts = 0
        for path in sources:
            wanted = yaml.safe_load(path.read_text())
            for rule in (rule for group in wanted["groups"] for rule in group["rules"] if "alert" in rule):
                rule["annotations"]["runbook_url"] = f"https://wiki.example.com/runbooks/{rule['alert']}.md"
                alerts += 1
            self.assertEqual(rules[f"node-lens-{path.name.removesuffix('.rules.yaml')}"], wanted)
        self.assertGreater(alerts, 0)

    def test_notes(self):
        """What helm says after installing, which it renders for a cluster only."""
        with tempfile.TemporaryDirectory() as made:
            chart = pathlib.Path(made, "throttlelens")
            shutil.copytree(CHART, chart)
            (chart / "templates" / "NOTES.txt").rename(chart / "notes.txt")
            (chart / "templates" / "notes.yaml").write_text(
                "kind: ConfigMap\napiVersion: v1\nmetadata: {name: notes}\ndata:\n  notes: |\n"
                '{{ tpl (.Files.Get "notes.txt") . | indent 4 }}\n', encoding="utf-8")

            def notes(*options):
                return the(parse(tools.helm("--show-only", "templates/notes.yaml", *options, chart=chart)),
                           "ConfigMap")["data"]["notes"]

            self.assertIn("kubectl -n throttlelens exec daemonset/throttlelens -- /usr/bin/throttlelens snapshot", notes())
            self.assertIn("Nothing scrapes it yet", notes())
            self.assertIn("no work is evicted", notes())
            self.assertIn("daemonset/node-lens", notes(*EVERYTHING))
            self.assertNotIn("Nothing scrapes it yet", notes(*EVERYTHING))
            self.assertNotIn("no work is evicted", notes(*EVERYTHING))

    def test_readme(self):
        """Its table has every value, with the default it has."""
        _, _, text = (CHART / "README.md").read_text().partition("## Values\n")
        table = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \|", text, re.MULTILINE))

        def leaves(value, path=""):
            if isinstance(value, dict) and value and path not in ("resources", "updateStrategy", "nodeSelector",
                                                                  "affinity", "dashboards.labels"):
                for key, below in value.items():
                    yield from leaves(below, f"{path}.{key}".lstrip("."))
            else:
                yield path, value

        wanted = dict(leaves(yaml.safe_load((CHART / "values.yaml").read_text())))
        self.assertEqual(sorted(table), sorted(wanted))
        for name, value in wanted.items():
            shown = table[name].strip("`")
            if not shown.startswith("see "):
                self.assertEqual(yaml.safe_load(shown) if shown else "", value, name)


class Values(unittest.TestCase):
    REFUSED = {
        "image.tagg=1": "Additional property tagg",
        "imagee.tag=1": "Additional property imagee",
        "image.repository=": "image.repository",
        "image.digest=sha256:12": "image.digest",
        "image.pullPolicy=Sometimes": "image.pullPolicy",
        "imagePullSecrets[0]=registry": "imagePullSecrets",
        "fullnameOverride=Node_Lens": "fullnameOverride",
        "runtime=podman": "runtime must be one of",
        "stateDirectory=run/containerd": "stateDirectory",
        "stateDirectory=/run/containerd/": "stateDirectory",
        "privateMemory=yes": "privateMemory",
        "dacReadSearch=1": "dacReadSearch",
        "oldKernel=1": "oldKernel",
        "config=x": "config",
        "config.listen=everywhere": "config.listen",
        "config.web_config_file=/etc/x": "web_config_file",
        "extraArgs=--log-level": "extraArgs",
        "web.enabled=true": "existingSecret",
        "web.secret=x": "Additional property secret",
        "podMonitor.interval=15": "interval",
        "podMonitor.honorLabels=false": "Additional property honorLabels",
        "prometheusRule.runbookBaseUrl=wiki": "runbookBaseUrl",
        "dashboards.labels.a=1": "dashboards.labels.a",
        "networkPolicy.from.a=b": "networkPolicy.from",
        "serviceAccount.token=true": "Additional property token",
        "priorityClass.value=2000000000": "priorityClass.value",
        "priorityClass.preemptionPolicy=Sometimes": "preemptionPolicy",
        "resources.limit.cpu=1": "Additional property limit",
        "resources.limits.memory=lots": "resources.limits.memory",
        "updateStrategy.type=Recreate": "updateStrategy.type",
        "tolerations=all": "tolerations",
        "securityContext.privileged=true": "Additional property securityContext",
        "hostNetwork=true": "Additional property hostNetwork",
        "appArmorProfile.type=none": "appArmorProfile.type",
        "seLinuxOptions.kind=x": "Additional property kind",
    }

    def test_refused(self):
        for value, reason in self.REFUSED.items():
            with self.subTest(value):
                with self.assertRaises(Failed) as refused:
                    tools.helm("--set", value)
                self.assertIn("don't meet the specifications of the schema", str(refused.exception))
                self.assertIn(reason, str(refused.exception))

    def test_schema_is_strict(self):
        """Every value has a place in the schema, and no object of ours takes others."""
        schema = json.loads((CHART / "values.schema.json").read_text())

        def compare(value, known, path):
            if known.get("additionalProperties") is False:
                self.assertEqual(sorted(value), sorted(key for key in value if key in known["properties"]), path)
                for key, below in value.items():
                    compare(below, known["properties"][key], f"{path}.{key}")
            else:
                self.assertNotIn(path, OURS)

        OURS = ("", ".image", ".web", ".podMonitor", ".prometheusRule", ".dashboards", ".networkPolicy",
                ".serviceAccount", ".priorityClass", ".resources")
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        compare(values, schema, "")
        self.assertEqual(sorted(set(schema["properties"]) - set(values)), ["global"])

    def test_everything_is_everything(self):
        """The values that the tests turn on are all there are, but those that only rename."""
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        turned = yaml.safe_load((HERE / "values" / "everything.yaml").read_text())
        self.assertEqual(sorted(set(values) - set(turned)), ["nameOverride"])
        for name, value in turned.items():
            self.assertNotEqual(value, values[name], name)


def in_each(test):
    """A test of one rendering, made one of all of them."""
    def tests(self):
        for name, objects in self.all.items():
            with self.subTest(name):
                test(self, name, objects)
    tests.__name__ = test.__name__
    return tests


class Renderings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = renderings()

    def test_golden(self):
        self.maxDiff = None
        for name, text in golden().items():
            with self.subTest(name):
                self.assertEqual((GOLDEN / name).read_text(), LICENCE + text,
                                 "renew by: tests/packaging/kubernetes/kubernetes_test.py --renew")

    def test_types(self):
        self.assertEqual(tools.type_errors([found for objects in self.all.values() for found in objects]), [])

    def test_types_find_mistakes(self):
        objects = [found for found in self.all["helm: everything"] if not from_files(found)]
        self.assertEqual(tools.type_errors(objects), [])

        def at(kind, *path):
            found = the(objects, kind)
            for step in path:
                found = found[step]
            return found

        mistakes = []
        pod = ("spec", "template", "spec")
        endpoint = ("spec", "podMetricsEndpoints", 0)
        for change in (
                lambda: at("DaemonSet", "spec").update(replicas=1),
                lambda: at("DaemonSet", "spec").pop("selector"),
                lambda: at("DaemonSet", *pod).update(hostPid=True),
                lambda: at("DaemonSet", *pod).update(terminationGracePeriodSeconds="10"),
                lambda: at("DaemonSet", *pod, "containers", 0, "volumeMounts", 0).update(readonly=True),
                lambda: at("DaemonSet", *pod, "containers", 0, "securityContext", "capabilities").update(drop="ALL"),
                lambda: at("DaemonSet", *pod, "containers", 0, "livenessProbe", "httpGet").pop("port"),
                lambda: at("DaemonSet", *pod, "volumes", 0).update(name=None),
                lambda: at("NetworkPolicy", "spec", "ingress", 0).update(to=[]),
                lambda: at("PodMonitor", *endpoint).update(honourLabels=True),
                lambda: at("PodMonitor", *endpoint, "basicAuth", "password").pop("key"),
                lambda: at("PodMonitor", *endpoint, "relabelings", 0).update(action="labelDrops"),
                lambda: at("ServiceAccount").update(apiVersion="apps/v1")):
            whole = copy.deepcopy(objects)
            change()
            (wrong,) = [found for found, before in zip(objects, whole) if found != before]
            mistakes.append(wrong)
            objects = whole
        found = tools.type_errors(mistakes)
        self.assertEqual([re.match(r"objects\.mts\((\d+),", line).group(1) for line in found],
                         [str(number) for number in range(1, len(mistakes) + 1)], found)

    @in_each
    def test_configuration_is_valid(self, _, objects):
        config = config_of(objects)
        with tempfile.TemporaryDirectory() as made:
            if "web_config_file" in config:
                self.assertEqual(config["web_config_file"], "/etc/throttlelens/web/web-config.yml")
                config["web_config_file"] = f"{made}/web-config.yml"
                pathlib.Path(made, "web-config.yml").write_text(
                    "basic_auth_users:\n  prometheus: $2y$10$" + "a" * 53 + "\n", encoding="utf-8")
            file = pathlib.Path(made, "throttlelens.yaml")
            file.write_text(yaml.safe_dump(config), encoding="utf-8")
            checked = subprocess.run([throttlelens, "check-config", file], capture_output=True, text=True)
            self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_wrong_configuration_is_found(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(config_of(parse(tools.helm("--set", "config.windows.bsae=50ms"))), file)
            checked = subprocess.run([throttlelens, "check-config", file.name], capture_output=True, text=True)
            self.assertEqual(checked.returncode, 1)
            self.assertIn("bsae", checked.stderr)

    @in_each
    def test_rights(self, name, objects):
        kinds = {found["kind"] for found in objects}
        self.assertLessEqual(kinds, {"Namespace", "ServiceAccount", "PriorityClass", "ConfigMap", "DaemonSet",
                                     "NetworkPolicy", "PodMonitor", "PrometheusRule"})
        pod = the(objects, "DaemonSet")["spec"]["template"]["spec"]
        self.assertIs(pod["hostPID"], True)
        self.assertIs(pod["automountServiceAccountToken"], False)
        for forbidden in ("hostNetwork", "hostIPC", "shareProcessNamespace", "securityContext", "initContainers"):
            self.assertNotIn(forbidden, pod)
        (container,) = pod["containers"]
        security = dict(container["securityContext"])
        capabilities = security.pop("capabilities")
        allowed = {}
        if name == "helm: everything":
            allowed = {"appArmorProfile": {"type": "Unconfined"}, "seLinuxOptions": {"type": "spc_t"}}
        self.assertEqual(security, {
            "runAsUser": 0, "runAsGroup": 0, "privileged": False, "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True, "seccompProfile": {"type": "RuntimeDefault"}, **allowed})
        wanted = ["BPF", "PERFMON"]
        if not re.search("without reading all|several|everything", name):
            wanted.append("DAC_READ_SEARCH")
        if not re.search("without private memory|several|everything", name):
            wanted.append("SYS_PTRACE")
        if re.search("old kernel|several|everything", name):
            wanted.append("SYS_RESOURCE")
        self.assertEqual(capabilities, {"drop": ["ALL"], "add": wanted})
        self.assertNotIn("lifecycle", container)
        self.assertNotIn("hostPort", container["ports"][0])

    @in_each
    def test_mounts(self, name, objects):
        pod = the(objects, "DaemonSet")["spec"]["template"]["spec"]
        runtime = re.search(r"runtime (\w+)", name)
        bundles = (RUNTIMES[runtime.group(1)] if runtime else RUNTIMES["crio"] if "several" in name
                   else "/data/containers/overlay-containers" if "everything" in name
                   else "/data/run/containerd/io.containerd.runtime.v2.task" if "own directory" in name
                   else RUNTIMES["containerd"])
        hosts = {volume["name"]: volume["hostPath"] for volume in pod["volumes"] if "hostPath" in volume}
        # Nothing else: not /run, not the state directory with its socket.
        self.assertEqual(hosts, {"cgroup": {"path": "/sys/fs/cgroup", "type": "Directory"},
                                 "bundles": {"path": bundles, "type": "Directory"}})
        mounts = {mount["name"]: mount for mount in container_of(objects)["volumeMounts"]}
        self.assertEqual(len(mounts), len(pod["volumes"]))
        for volume, mount in mounts.items():
            self.assertIs(mount["readOnly"], True)
            self.assertNotIn(mount.get("mountPropagation"), ("Bidirectional", "HostToContainer"))
            if volume in hosts:
                self.assertEqual(mount["mountPath"], hosts[volume]["path"])
        before = re.search("before|several", name)
        for volume in hosts:
            self.assertEqual(mounts[volume].get("recursiveReadOnly"), None if before else "IfPossible")
        self.assertEqual(mounts["config"]["mountPath"], "/etc/throttlelens")
        self.assertEqual([variable for variable in container_of(objects)["env"]],
                         [{"name": "THROTTLELENS_CONFIG", "value": "/etc/throttlelens/throttlelens.yaml"}])

    @in_each
    def test_every_node(self, name, objects):
        spec = the(objects, "DaemonSet")["spec"]
        pod = spec["template"]["spec"]
        self.assertNotIn("cpu", container_of(objects)["resources"]["limits"])
        self.assertIn("memory", container_of(objects)["resources"]["limits"])
        self.assertIn("cpu", container_of(objects)["resources"]["requests"])
        self.assertIn("priorityClassName", pod)
        if "everything" not in name:
            self.assertEqual(pod["tolerations"], [{"operator": "Exists"}])
            self.assertEqual(spec["updateStrategy"],
                             {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}})
        labels = spec["template"]["metadata"]["labels"]
        for kind, selector in (("DaemonSet", "selector"), ("NetworkPolicy", "podSelector"), ("PodMonitor", "selector")):
            for found in of_kind(objects, kind):
                chosen = found["spec"][selector]["matchLabels"]
                self.assertTrue(chosen)
                self.assertEqual(chosen, {key: labels.get(key) for key in chosen})

    @in_each
    def test_probes_and_port(self, name, objects):
        container = container_of(objects)
        web = re.search("web|several|everything|certificates", name)
        for probe, path in (("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
            if "certificates" in name:
                self.assertEqual(container[probe]["tcpSocket"], {"port": "metrics"})
                self.assertNotIn("httpGet", container[probe])
            else:
                self.assertEqual(container[probe]["httpGet"],
                                 {"path": path, "port": "metrics", **({"scheme": "HTTPS"} if web else {})})
        listen = config_of(objects)["listen"]
        self.assertEqual(container["ports"],
                         [{"name": "metrics", "protocol": "TCP", "containerPort": int(listen.rpartition(":")[2])}])
        for monitor in of_kind(objects, "PodMonitor"):
            (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
            self.assertIs(endpoint["honorLabels"], True)
            self.assertEqual(endpoint.get("scheme"), "https" if web else None)
            self.assertEqual(endpoint["port"], "metrics")

    def test_changes_roll_out(self):
        def checksum(*options):
            return the(parse(tools.helm(*options)), "DaemonSet")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        self.assertNotEqual(checksum(), checksum("--set", "config.windows.history=6m"))
        self.assertNotEqual(checksum(), checksum("--set", "stateDirectory=/data/containerd"))
        self.assertEqual(checksum(), checksum("--set", "podMonitor.enabled=true"))

    @in_each
    def test_configuration_is_mounted(self, _, objects):
        (volume,) = [volume for volume in the(objects, "DaemonSet")["spec"]["template"]["spec"]["volumes"]
                     if volume["name"] == "config"]
        (name,) = [found["metadata"]["name"] for found in of_kind(objects, "ConfigMap")
                   if "throttlelens.yaml" in found["data"]]
        self.assertEqual(volume["configMap"], {"name": name})


class Agreement(unittest.TestCase):
    """Helm and kustomize say the same, object by object, but for what only one of them can say."""

    HELMS_LABELS = ("helm.sh/chart", "app.kubernetes.io/managed-by")

    def plain(self, objects: list) -> dict:
        found = {}
        for item in copy.deepcopy(objects):
            if item["kind"] == "Namespace":  # helm install --create-namespace makes it
                continue
            if item["kind"] == "ConfigMap":
                item["data"] = {name: yaml.safe_load(text) for name, text in item["data"].items()}
                item["metadata"]["name"] = self.unhashed(item["metadata"]["name"])
            places = [item["metadata"]]
            if item["kind"] == "DaemonSet":
                template = item["spec"]["template"]
                places.append(template["metadata"])
                template["metadata"].get("annotations", {}).pop("checksum/config", None)
                template["spec"]["volumes"].sort(key=lambda volume: volume["name"])
                template["spec"]["containers"][0]["volumeMounts"].sort(key=lambda mount: mount["name"])
                for volume in template["spec"]["volumes"]:
                    if "configMap" in volume:
                        volume["configMap"]["name"] = self.unhashed(volume["configMap"]["name"])
            for place in places:
                for label in self.HELMS_LABELS:
                    place["labels"].pop(label, None)
                if not place.get("annotations", True):
                    del place["annotations"]
            found[item["kind"], item["metadata"]["name"], item["metadata"].get("namespace")] = item
        self.assertEqual(len(found), len([item for item in objects if item["kind"] != "Namespace"]))
        return found

    @staticmethod
    def unhashed(name: str) -> str:
        return re.sub(r"^throttlelens-[a-z0-9]{10}$", "throttlelens", name)

    def test_agree(self):
        self.maxDiff = None
        for name, (options, components) in PAIRS.items():
            with self.subTest(name):
                self.assertEqual(self.plain(parse(tools.helm(*options))), self.plain(parse(tools.kustomize(*components))))

    def test_every_component_is_compared(self):
        there = {path.name for path in (KUSTOMIZE / "components").iterdir() if path.is_dir()}
        self.assertEqual(there, {name for _, components in PAIRS.values() for name in components})

    def test_a_difference_is_found(self):
        ours = self.plain(parse(tools.helm("--set", "priorityClass.value=5")))
        self.assertNotEqual(ours, self.plain(parse(tools.kustomize())))


def renew():
    setUpModule()
    GOLDEN.mkdir(exist_ok=True)
    for name, text in golden().items():
        (GOLDEN / name).write_text(LICENCE + text, encoding="utf-8")
    tearDownModule()


def main() -> int:
    global throttlelens
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1:] == ["--renew"]:
        renew()
        return 0
    throttlelens = sys.argv.pop(1)
    result = unittest.main(verbosity=2, exit=False).result
    if result.wasSuccessful() and result.skipped and result.testsRun in (0, len(result.skipped)):
        print(result.skipped[-1][1])
        return 77
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
