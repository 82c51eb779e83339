# SPDX-License-Identifier: Apache-2.0
"""What the kubelet makes of a DaemonSet, as far as the runtime is told. A key that is not known here
is an error, so that nothing of the manifest is left untested in silence."""

import copy

import yaml

# Where the kubelet has them from: the default of securityContext.procMount.
MASKED = ["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
          "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

_SECCOMP = {"RuntimeDefault": 0, "Unconfined": 1}
_PROPAGATION = {"None": 0, "HostToContainer": 1, "Bidirectional": 2}
_UNITS = {"m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
# What concerns others: the scheduler, the API server, and the kubelet's own doings.
_NOT_THE_RUNTIMES = {
    "pod": {"serviceAccountName", "enableServiceLinks", "priorityClassName", "dnsPolicy",
            "terminationGracePeriodSeconds", "nodeSelector", "affinity", "tolerations",
            "hostPID", "hostNetwork", "containers", "volumes"},
    "container": {"name", "image", "imagePullPolicy", "ports", "startupProbe", "livenessProbe",
                  "readinessProbe", "args", "command", "env", "resources", "securityContext",
                  "volumeMounts"}}


def _only(what, keys, known):
    unknown = set(keys) - set(known)
    if unknown:
        raise AssertionError(f"the manifest has keys of a {what} this test does not know: {unknown}")


def quantity(text):
    text = str(text)
    for unit, factor in _UNITS.items():
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text)


class Manifest:
    """The DaemonSet of a rendered manifest, and the configuration it mounts."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self._documents = [document for document in yaml.safe_load_all(file) if document]
        (daemon_set,) = [d for d in self._documents if d["kind"] == "DaemonSet"]
        self.namespace = daemon_set["metadata"]["namespace"]
        self.labels = daemon_set["spec"]["template"]["metadata"]["labels"]
        self.pod = daemon_set["spec"]["template"]["spec"]
        (self.container,) = self.pod["containers"]

    def changed(self, change):
        """A copy of which `change(manifest)` was told."""
        other = copy.deepcopy(self)
        change(other)
        return other

    @property
    def security(self):
        return self.container["securityContext"]

    @property
    def capabilities(self):
        return self.security["capabilities"]["add"]

    def without_capability(self, name):
        return self.changed(lambda other: other.capabilities.remove(name))

    def without_host_pid(self):
        return self.changed(lambda other: other.pod.pop("hostPID"))

    def without_volume(self, name):
        def remove(other):
            for where in (other.pod["volumes"], other.container["volumeMounts"]):
                (found,) = [one for one in where if one["name"] == name]
                where.remove(found)
        return self.changed(remove)

    def configuration(self, name):
        """{file: text} of a ConfigMap."""
        (found,) = [d for d in self._documents
                    if d["kind"] == "ConfigMap" and d["metadata"]["name"] == name]
        return found["data"]

    # for the runtime

    def namespaces(self):
        _only("pod", self.pod, _NOT_THE_RUNTIMES["pod"] | {"automountServiceAccountToken"})
        if self.pod.get("hostNetwork"):
            raise AssertionError("the manifest wants the network of the host")
        if self.pod.get("automountServiceAccountToken", True):
            raise AssertionError("the manifest wants a token of the API server")
        return {"network": "POD", "pid": "NODE" if self.pod.get("hostPID") else "CONTAINER"}

    def sandbox_security(self):
        return {"namespace_options": self.namespaces(), "seccomp": {"profile_type": 0}}

    def container_security(self):
        given = dict(self.security)
        capabilities = given.pop("capabilities")
        out = {"capabilities": {"add_capabilities": capabilities.get("add", []),
                                "drop_capabilities": capabilities.get("drop", [])},
               "privileged": given.pop("privileged", False),
               "namespace_options": self.namespaces(),
               "run_as_user": {"value": given.pop("runAsUser")},
               "run_as_group": {"value": given.pop("runAsGroup", 0)},
               "readonly_rootfs": given.pop("readOnlyRootFilesystem", False),
               "no_new_privs": not given.pop("allowPrivilegeEscalation", True),
               "masked_paths": MASKED, "readonly_paths": READ_ONLY,
               "seccomp": {"profile_type": _SECCOMP[given.pop("seccompProfile")["type"]]}}
        _only("securityContext", given, ())
        return out

    def container_resources(self):
        resources = self.container["resources"]
        limits = resources.get("limits", {})
        out = {"cpu_shares": max(2, int(quantity(resources["requests"]["cpu"]) * 1024)),
               "cpu_period": 100_000, "memory_limit_in_bytes": int(quantity(limits["memory"]))}
        if "cpu" in limits:
            out["cpu_quota"] = int(quantity(limits["cpu"]) * 100_000)
        return out

    def mounts(self, host_path, folder_of_config):
        """`host_path(path)` says where a path of the host is on this one; `folder_of_config(name)`
        where the files of a ConfigMap are."""
        _only("container", self.container, _NOT_THE_RUNTIMES["container"])
        volumes = {volume["name"]: volume for volume in self.pod["volumes"]}
        out = []
        for mount in self.container["volumeMounts"]:
            # containerd 1.6 does not know recursive read-only mounts; "if possible" it is not.
            _only("volumeMount", mount, {"name", "mountPath", "readOnly", "mountPropagation"} | (
                {"recursiveReadOnly"} if mount.get("recursiveReadOnly") == "IfPossible" else set()))
            volume = volumes[mount["name"]]
            if "hostPath" in volume:
                source = host_path(volume["hostPath"]["path"])
            else:
                source = folder_of_config(volume["configMap"]["name"])
            out.append({"container_path": mount["mountPath"], "host_path": source,
                        "readonly": mount.get("readOnly", False),
                        "propagation": _PROPAGATION[mount.get("mountPropagation", "None")]})
        return out
