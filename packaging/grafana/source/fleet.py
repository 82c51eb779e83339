# SPDX-License-Identifier: Apache-2.0
"""All clusters, nodes and namespaces: where it is worth looking. From the recording rules of packaging/prometheus."""

from dashboard import cluster, dashboard, field, link_to
from panels import (ANY, COSTLY, COUNT, CPUS, LITTLE_IDLE, PER_SECOND, SHARE, SOME_THROTTLING, SOME_WAITING, THREADS,
                    row, series, stat, table)

SELECTOR = 'cluster=~"$cluster"'
WORKLOAD = ("cluster", "namespace", "workload")
NODE = ("cluster", "node", "instance")
ALERTS = 'ALERTS{@, alertname=~"Throttlelens.*", alertstate="firing"}'
NODE_OVERHEAD = "instance:throttlelens_node_overhead_cpu:ratio_rate5m{@}"
IDLE_THROTTLE = "container_cpu_throttled_while_idle_seconds:rate5m"


def _glance():
    def waiting(cause):
        return f'sum(cluster_cause:throttlelens_container_cpu_wait_seconds:rate5m{{@, cause="{cause}"}})'
    return [
        row("At a glance"),
        stat("Profiled nodes", "Nodes that are profiled.", COUNT, "sum(cluster_tier:throttlelens_probe_info:count{@})"),
        stat("Nodes that only poll", "Nodes of the tier cpustat: the kernel does not permit more, so they know no "
             "waits and no idle time. See `throttlelens doctor` there.", COUNT,
             'sum(cluster_tier:throttlelens_probe_info:count{@, tier="cpustat"}) or vector(0)',
             thresholds=((1, "yellow"),)),
        stat("CPUs", "CPUs that are online.", COUNT, "sum(cluster:throttlelens_node_online_cpus:sum{@})"),
        stat("Idle", "Share of the CPUs that was idle in the last 5 minutes, mean of the nodes.", SHARE,
             "avg(instance:throttlelens_node_cpu_idle:avg5m{@})", thresholds=LITTLE_IDLE),
        stat("Wait for quota", "Threads that could run and waited for quota, on average.", THREADS, waiting("throttle"),
             thresholds=SOME_WAITING),
        stat("Wait for a CPU", "Threads of containers that could run while others had the CPUs, on average.", THREADS,
             waiting("contention"), thresholds=SOME_WAITING),
        stat("Overhead", "CPU of shims, runc, pause and conmon: what pods cost beside what runs in them.", CPUS,
             "sum(cluster_component:throttlelens_node_overhead_cpu_seconds:rate5m{@})"),
        stat("Alerts", "Alerts of throttlelens that fire.", COUNT, f"count({ALERTS}) or vector(0)", thresholds=ANY),
    ]


def _history():
    return [
        row("Over time"),
        series("Idle share of the CPUs, by cluster", "Mean of its nodes over 5 minutes.", SHARE,
               {"{{cluster}} idle": "cluster:throttlelens_node_cpu_idle:avg5m{@}"}, size=(8, 8)),
        series("Threads waiting, by cause",
               "Of containers. throttle: for quota. contention: while others had the CPUs.", THREADS,
               {"{{cause}}": "sum by (cause) (cluster_cause:throttlelens_container_cpu_wait_seconds:rate5m{@})"},
               stacked=True, size=(8, 8)),
        series("Throttled while a CPU was idle", "Containers that were throttled while their own node had a CPU to "
               "give, on average.", COUNT, {"{{cluster}} containers": f"cluster:throttlelens_{IDLE_THROTTLE}{{@}}"},
               size=(8, 8)),
    ]


def _workload(metric, more=""):
    return f"namespace_workload{metric}{{@{more}}}"


def _by(labels, columns):
    """Only these labels: the name of a recorded metric would be one more, and so a row of its own."""
    return {name: (unit, f"sum by ({', '.join(labels)}) ({expression})", *color)
            for name, (unit, expression, *color) in columns.items()}


def _named(expression):
    """Of nodes: with their names, where scrapes have them (the label node)."""
    return f"{expression} * on (cluster, instance) group_left (node) " \
           "max by (cluster, instance, node) (throttlelens_probe_info{@})"


def _by_node(columns):
    return _by(NODE, {name: (unit, _named(expression), *color)
                      for name, (unit, expression, *color) in columns.items()})


def _worst(title, description, columns, links):
    """The first column says which 20 workloads are shown."""
    columns = _by(WORKLOAD, columns)
    worst = f"topk(20, {next(iter(columns.values()))[1]} > 0)"
    shown = {name: (unit, f"{expression} and on (cluster, namespace, workload) {worst}" if shown else worst, *color)
             for shown, (name, (unit, expression, *color)) in enumerate(columns.items())}
    return table(title, description, WORKLOAD, shown, links=links)


def _workloads(links):
    throttled = _workload(":throttlelens_container_cpu_cfs_throttled_periods:ratio_rate5m")
    use = _workload(":throttlelens_container_cpu_usage_seconds:rate5m")
    limit = _workload(":throttlelens_container_cpu_limit_cores:sum")
    request = _workload(":throttlelens_container_cpu_request_cores:sum")
    peak = _workload("_window:throttlelens_container_cpu_window_peak_cores:max", ', window="100ms"')
    idle = _workload(":throttlelens_" + IDLE_THROTTLE)

    def waits(cause):
        return _workload("_cause:throttlelens_container_cpu_wait_seconds:rate5m", f', cause="{cause}"')
    overhead = _workload(":throttlelens_pod_overhead_cpu:ratio_rate5m")
    return [
        row("Workloads"),
        _worst("Hidden throttling",
               "Throttled, and the use is under half of the limit: what averages hide. The limit is of all containers "
               "of the workload; a container without one beside it makes the ratio look higher. Last 5 minutes.", {
                   "Throttled": (SHARE, f"({throttled} and on (cluster, namespace, workload) ({use} / {limit} < 0.5))",
                                 SOME_THROTTLING),
                   "Use ÷ limit": (SHARE, f"{use} / {limit}"), "Limit": (CPUS, limit), "Peak 100 ms": (CPUS, peak),
                   "Quota wait": (THREADS, waits("throttle"), SOME_WAITING), "While a CPU was idle": (COUNT, idle)},
               links),
        _worst("Waits for quota", "Threads that waited for quota, on average over 5 minutes.", {
            "Quota wait": (THREADS, waits("throttle"), SOME_WAITING),
            "Throttled": (SHARE, throttled, SOME_THROTTLING), "Use": (CPUS, use), "Limit": (CPUS, limit),
            "While a CPU was idle": (COUNT, idle)}, links),
        _worst("Waits for a CPU", "Threads that could run while others had the CPUs, on average over 5 minutes.", {
            "CPU wait": (THREADS, waits("contention"), SOME_WAITING), "Use": (CPUS, use), "Request": (CPUS, request),
            "Peak 100 ms": (CPUS, peak)}, links),
        _worst("Costly pods", "What pods cost beside what runs in them, of what they use: exec probes, mostly.", {
            "Overhead": (CPUS, _workload("_component:throttlelens_pod_overhead_cpu_seconds:rate5m")),
            "Overhead ÷ use": (SHARE, overhead),
            "Use": (CPUS, _workload(":throttlelens_pod_cpu_usage_seconds:rate5m"))}, links),
    ]


def _nodes():
    wait = 'instance_cause:throttlelens_container_cpu_wait_seconds:rate5m{{@, cause="{}"}}'
    links = {"instance": ("This node", link_to("Node", ("instance", field("instance"))))}
    return [
        row("Nodes"),
        table("All nodes", "Means of 5 minutes. A node that only polls knows no idle time and no waits.",
              NODE, _by_node({
                  "Quota wait": (THREADS, wait.format("throttle"), SOME_WAITING),
                  "CPU wait": (THREADS, wait.format("contention"), SOME_WAITING),
                  "CPUs": (COUNT, "instance:throttlelens_node_online_cpus:max{@}"),
                  "Idle": (SHARE, "instance:throttlelens_node_cpu_idle:avg5m{@}", LITTLE_IDLE),
                  "Use": (CPUS, "instance:throttlelens_node_cpu_utilization_cores:avg5m{@}"),
                  "Limits": (CPUS, "instance:throttlelens_container_cpu_limit_cores:sum{@}"),
                  "Overhead": (SHARE, NODE_OVERHEAD, COSTLY)}), size=(24, 10), links=links),
        series("Overhead by node, top 10", "Share of the node's CPUs that shims, runc, pause and conmon use.", SHARE,
               {"{{node}} {{instance}}": _named(f"topk(10, {NODE_OVERHEAD})")}, thresholds=COSTLY),
        series("Overhead by component", "Of all nodes: shim, runc, pause and conmon.", CPUS, {
            "{{component}}": "sum by (component) (cluster_component:throttlelens_node_overhead_cpu_seconds:rate5m{@})"},
            stacked=True),
    ]


def _namespaces():
    def of(metric):
        return f"namespace:throttlelens_{metric}{{@}}"

    def waits(cause):
        return f'namespace_cause:throttlelens_container_cpu_wait_seconds:rate5m{{@, cause="{cause}"}}'
    return [
        row("Namespaces"),
        table("All namespaces", "Means of 5 minutes. What runs outside of Kubernetes has no namespace.",
              ("cluster", "namespace"), _by(("cluster", "namespace"), {
                  "Use": (CPUS, of("cpu_usage_seconds:rate5m")),
                  "Containers": (COUNT, of("container_info:count")),
                  "Limits": (CPUS, of("container_cpu_limit_cores:sum")),
                  "Requests": (CPUS, of("container_cpu_request_cores:sum")),
                  "Throttled": (SHARE, of("container_cpu_cfs_throttled_periods:ratio_rate5m"), SOME_THROTTLING),
                  "Quota wait": (THREADS, waits("throttle"), SOME_WAITING),
                  "CPU wait": (THREADS, waits("contention"), SOME_WAITING),
                  "Overhead ÷ use": (SHARE, of("pod_overhead_cpu:ratio_rate5m"))})),
    ]


def _health():
    def lost(*names):
        return " + ".join(f"sum by (cluster, node, instance) (increase(throttlelens_{name}_total{{@}}[1h]))"
                          for name in names)
    links = {"instance": ("This node", link_to("Node", ("instance", field("instance"))))}
    return [
        row("Alerts and profilers"),
        table("Alerts that fire", "Each has a runbook: packaging/prometheus/runbooks.",
              ("alertname", "severity", "cluster", "namespace", "workload", "pod", "container", "node", "instance"),
              {"Firing": (COUNT, "sum by (alertname, severity, cluster, namespace, workload, pod, container, node, "
                          "instance) "
                          f"({ALERTS})")}, size=(14, 9)),
        table("Profilers that lose data", "In the last hour. Windows: read too late. Left out: cgroups and series "
              "above the limits of the configuration. Names: containers whose names could not be had.",
              NODE, {
                  "Windows": (COUNT, lost("probe_missed_windows"), ANY),
                  "Left out": (COUNT, lost("probe_dropped_cgroups", "series_dropped"), ANY),
                  "Names": (COUNT, lost("metadata_errors"), ANY)}, size=(10, 9), links=links),
        series("Lost context switches by node, top 10", "Most of them are recovered, and the others filled in from the "
               "kernel's counters.", PER_SECOND,
               {"{{node}} {{instance}}": _named("topk(10, instance:throttlelens_probe_lost_switches:rate5m{@})")},
               size=(12, 8)),
        table("Nodes that are gone", "Profilers that cannot be scraped now and could be within the hour before: down, "
              "or no longer there.", (*NODE, "tier", "kernel"),
              {"Daemons": (COUNT, "count by (cluster, node, instance, tier, kernel) "
                           "(last_over_time(throttlelens_probe_info{@}[1h]) "
                           "unless on (cluster, instance) throttlelens_probe_info{@})")},
              size=(12, 8), links=links),
    ]


def make():
    links = {"workload": ("This workload", link_to(
        "Workload", ("namespace", field("namespace")), ("workload", field("workload")), ("pod", "$__all"),
        ("container", "$__all")))}
    panels = [*_glance(), *_history(), *_workloads(links), *_nodes(), *_namespaces(), *_health()]
    return dashboard("Fleet", __doc__.strip(), SELECTOR, [cluster("throttlelens_probe_info")], panels)
