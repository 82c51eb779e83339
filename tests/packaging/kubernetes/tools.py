# SPDX-License-Identifier: Apache-2.0
"""The real helm and kubectl, and Kubernetes' own idea of what its objects may hold."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e" / "lib"))
import needs  # noqa: E402

CHART = ROOT / "packaging" / "helm" / "throttlelens"
KUSTOMIZE = ROOT / "packaging" / "kustomize"


class Failed(Exception):
    """What the tool said."""


class Tools:
    def __init__(self):
        fetched = subprocess.run([str(HERE / "fetch_tools.sh")], capture_output=True, text=True)
        if fetched.returncode == 77:
            needs.need(False, fetched.stderr.strip())
        if fetched.returncode != 0:
            raise AssertionError(fetched.stderr)
        self.folder = pathlib.Path(fetched.stdout.strip())
        self._home = tempfile.TemporaryDirectory()

    def close(self):
        self._home.cleanup()

    def run(self, tool: str, *arguments, folder=None) -> str:
        # Nothing of the caller's: no plug-ins, no cluster.
        environment = {"HOME": self._home.name, "PATH": os.environ["PATH"], "KUBECONFIG": "/dev/null"}
        done = subprocess.run([str(self.folder / tool), *map(str, arguments)], env=environment, cwd=folder,
                              capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Failed(done.stdout + done.stderr)
        return done.stdout

    def helm(self, *arguments, chart=CHART) -> str:
        """What a release `throttlelens` in the namespace `throttlelens` consists of."""
        return self.run("helm", "template", "throttlelens", chart, "--namespace", "throttlelens", *arguments)

    def kustomize(self, *components) -> str:
        """The base with components, by an overlay like an operator's."""
        with tempfile.TemporaryDirectory() as made:
            # Resources are given relative to the overlay.
            def path(folder):
                return os.path.relpath(folder, os.path.realpath(made))
            overlay = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
                       "resources": [path(KUSTOMIZE / "base")],
                       "components": [path(KUSTOMIZE / "components" / name) for name in components]}
            pathlib.Path(made, "kustomization.yaml").write_text(json.dumps(overlay), encoding="utf-8")
            return self.run("kubectl", "kustomize", made)

    def type_errors(self, objects: list) -> list[str]:
        """What the API would not take: unknown and missing fields, values of a wrong type. Each object
        is checked as a literal of the type that is generated from the API's own description."""
        lines = []
        for number, found in enumerate(objects):
            group, kind = found["apiVersion"], found["kind"]
            package = ("@kubernetes-models/prometheus-operator" if group.startswith("monitoring.coreos.com")
                       else "kubernetes-models")
            lines.append(f'const o{number}: import("{package}/{group}/{kind}").I{kind} = {json.dumps(found)};')
        # Below the folder of the packages, where the compiler looks for them.
        with tempfile.TemporaryDirectory(dir=self.folder.parent, prefix=".types.") as made:
            folder = pathlib.Path(made)
            (folder / "node_modules").symlink_to(self.folder / "node_modules")
            (folder / "objects.mts").write_text("\n".join(lines) + "\nexport {};\n", encoding="utf-8")
            (folder / "tsconfig.json").write_text(json.dumps({
                "compilerOptions": {
                    "strict": True, "exactOptionalPropertyTypes": True, "noEmit": True, "skipLibCheck": True,
                    "types": [], "module": "nodenext", "target": "es2022"},
                "files": ["objects.mts"]}), encoding="utf-8")
            done = subprocess.run(["node", "node_modules/typescript/lib/tsc.js", "-p", "."], cwd=folder,
                                  capture_output=True, text=True, timeout=120)
            said = done.stdout + done.stderr
            if done.returncode == 0:
                return []
            if "error TS" not in said:
                raise AssertionError(f"the compiler failed: {said}")
            return [line for line in said.splitlines() if "error TS" in line]


def parse(rendered: str) -> list:
    return [found for found in yaml.safe_load_all(rendered) if found]


def of_kind(objects: list, kind: str) -> list:
    return [found for found in objects if found["kind"] == kind]


def the(objects: list, kind: str):
    found = of_kind(objects, kind)
    assert len(found) == 1, f"{len(found)} objects of kind {kind}"
    return found[0]
