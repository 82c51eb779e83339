# SPDX-License-Identifier: Apache-2.0
"""The ways to install that the tests look at."""

from tools import HERE

EVERYTHING = ("-f", HERE / "values" / "everything.yaml")
RUNTIMES = {
    "containerd": "/run/containerd/io.containerd.runtime.v2.task",
    "k3s": "/run/k3s/containerd/io.containerd.runtime.v2.task",
    "k0s": "/run/k0s/containerd/io.containerd.runtime.v2.task",
    "microk8s": "/var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task",
    "crio": "/run/containers/storage/overlay-containers",
    "docker": "/var/lib/docker/containers",
}
WEB = ("--set", "web.enabled=true,web.existingSecret=throttlelens-web")

# Name: options of helm, components of kustomize that must come to the same (None: there are none).
PAIRS = {
    "default": ((), ()),
    **{f"runtime {name}": (("--set", f"runtime={name}"), (f"runtime-{name}",))
       for name in RUNTIMES if name != "containerd"},
    "pod monitor": (("--set", "podMonitor.enabled=true"), ("pod-monitor",)),
    "web": (WEB, ("web",)),
    "old kernel": (("--set", "oldKernel=true"), ("old-kernel",)),
    "without private memory": (("--set", "privateMemory=false"), ("without-private-memory",)),
    "without reading all": (("--set", "dacReadSearch=false"), ("without-dac-read-search",)),
    "before 1.30": (("--kube-version", "1.25.0"), ("before-1.30",)),
    "several": ((*WEB, "--set", "runtime=crio,oldKernel=true,privateMemory=false,dacReadSearch=false",
                 "--kube-version", "1.29.3"),
                ("runtime-crio", "before-1.30", "web", "old-kernel", "without-private-memory", "without-dac-read-search")),
}
HELM = {
    **{name: options for name, (options, _) in PAIRS.items()},
    "everything": EVERYTHING,
    "client certificates": (*WEB, "--set", "web.clientCertificates=true"),
    "own directory": ("--set", "stateDirectory=/data/run/containerd"),
    "other names": ("--set", "nameOverride=lens,podMonitor.enabled=true,serviceAccount.create=false"),
}
