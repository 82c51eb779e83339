# SPDX-License-Identifier: Apache-2.0
"""One node: where its CPUs' time goes, who is held back, and what its pods cost."""

from dashboard import cluster, dashboard, field, link_to, node
from panels import (ANY, BYTES, COSTLY, COUNT, CPUS, LITTLE_IDLE, PER_SECOND, SECONDS, SHARE,
                    SOME_THROTTLING, SOME_WAITING, TEXT, THREADS, colored, row, series, stat, table)

SELECTOR = 'cluster=~"$cluster", instance="$instance"'
NAMES = ("namespace", "pod", "container")
BY_NAME = "sum by (namespace, pod, container) "
LEGEND = "{{namespace}} / {{pod}} / {{container}}"

USED = 'sum(rate(throttlelens_cgroup_cpu_usage_seconds_total{@, cgroup="/"}[$__rate_interval]))'
LOST = '(sum(rate(throttlelens_cgroup_cpu_lost_seconds_total{@, cgroup="/"}[$__rate_interval])) or vector(0))'
CONTAINERS = "rate(throttlelens_container_cpu_usage_seconds_total{@}[$__rate_interval])"
OVERHEAD = "rate(throttlelens_node_overhead_cpu_seconds_total{@}[$__rate_interval])"
SERVICES = "rate(throttlelens_node_service_cpu_seconds_total{@}[$__rate_interval])"
ONLINE = "sum(throttlelens_node_online_cpus{@})"

# Of tables: the mean of the whole time that is shown.
WAITS = BY_NAME + '(rate(throttlelens_container_cpu_wait_seconds_total{@, cause="%s"}[$__range]))'
THROTTLED = BY_NAME + "(rate(throttlelens_container_cpu_throttled_seconds_total{@}[$__range]))"
# Where waits are not known (tier cpustat), what the kernel says it throttled.
HELD_BACK = f"topk(30, ({WAITS % 'throttle'} or {THROTTLED}) > 0)"
SHARE_OF_PERIODS = ("sum by ({by}) (rate(throttlelens_container_cpu_cfs_throttled_periods_total{{@}}[{span}])) / "
                    "(sum by ({by}) (rate(throttlelens_container_cpu_cfs_periods_total{{@}}[{span}])) > 0)")


def _glance():
    return [
        row("At a glance"),
        stat("CPUs", "CPUs that are online.", COUNT, ONLINE),
        stat("Idle", "Share of the CPUs that was idle in the last 5 seconds.", SHARE,
             'min(throttlelens_node_cpu_idle_ratio{@, window="5s"})', thresholds=LITTLE_IDLE),
        stat("Wait for quota", "Threads that could run and waited for quota, on average: a limit holds them back, "
             "whether CPUs are idle or not.", THREADS,
             'sum(rate(throttlelens_container_cpu_wait_seconds_total{@, cause="throttle"}[$__rate_interval])) '
             "or vector(0)", thresholds=SOME_WAITING),
        stat("Wait for a CPU", "Threads of containers that could run and waited while others had the CPUs, on "
             "average.", THREADS,
             'sum(rate(throttlelens_container_cpu_wait_seconds_total{@, cause="contention"}[$__rate_interval])) '
             "or vector(0)", thresholds=SOME_WAITING),
        stat("Overhead", "Share of the CPUs that shims, runc, pause and conmon use: what pods cost beside what runs "
             "in them.", SHARE, f"sum({OVERHEAD}) / {ONLINE}", thresholds=COSTLY),
        stat("Containers", "Containers that run.", COUNT, 'sum(throttlelens_containers{@, state="running"})'),
        stat("Tier", "bpf: every context switch is counted. cpustat: the kernel does not permit that, so there are "
             "no waits and no idle time; `throttlelens doctor` says what is missing.", TEXT,
             "throttlelens_probe_info{@}", legend="{{tier}}", size=(3, 4)),
        stat("Kernel", "Release of the kernel.", TEXT, "throttlelens_probe_info{@}", legend="{{kernel}}"),
    ]


def _time():
    return [
        row("Where the time goes"),
        series("Idle share of the CPUs, by window",
               "Of the last completed window before each scrape. Where 100ms is at 0 while 5s is not, the CPUs are "
               "all busy for moments, and threads wait in them.", SHARE,
               {"{{window}}": "min by (window) (throttlelens_node_cpu_idle_ratio{@})"}, size=(9, 10)),
        colored(series(
            "Where the CPUs' time went",
            "Adds up to the CPUs of the node. Other: the system's own cgroups and kernel threads, and containers that "
            "came and went between two scrapes. Needs the row of the cgroup `/`, so no cgroup.include without it.",
            CPUS,
            {"{{namespace}}": f"sum by (namespace) ({CONTAINERS})",
             "overhead of pods": f"sum({OVERHEAD})",
             "service {{service}}": f"sum by (service) ({SERVICES})",
             "other": f"clamp_min({USED} - (sum({CONTAINERS}) or vector(0)) - (sum({OVERHEAD}) or vector(0)) "
                      f"- (sum({SERVICES}) or vector(0)), 0)",
             "lost to interrupts and hypervisor": LOST,
             "idle": f"clamp_min({ONLINE} - {USED} - {LOST}, 0)"}, size=(15, 10), stacked=True),
            {"idle": "transparent", "other": "#8e8e8e", "overhead of pods": "dark-orange",
             "lost to interrupts and hypervisor": "dark-red"}),
    ]


def _throttled(to_workload):
    def of_those(expression):
        return f"{expression} and on (namespace, pod, container) {HELD_BACK}"
    return [
        row("Held back by a limit"),
        table("Who is throttled",
              "Means of the time shown. Quota wait: how many of its threads waited for quota at any time. Peak: the "
              "busiest 100 ms of the last minute. A container without a limit here is held back by its pod's, or by "
              "one above.", NAMES, {
                  "Quota wait": (THREADS, HELD_BACK, SOME_WAITING),
                  "Throttled periods": (SHARE, of_those(SHARE_OF_PERIODS.format(
                      by="namespace, pod, container", span="$__range")), SOME_THROTTLING),
                  "Throttled s/s": (CPUS, of_those(THROTTLED)),
                  "While a CPU was idle": (SHARE, of_those(
                      BY_NAME + "(rate(throttlelens_container_cpu_throttled_while_idle_seconds_total{@}[$__range]))")),
                  "Limit": (CPUS, of_those(BY_NAME + "(last_over_time(throttlelens_container_cpu_limit_cores"
                                           "{@}[$__range]))")),
                  "Use": (CPUS, of_those(BY_NAME + "(rate(throttlelens_container_cpu_usage_seconds_total"
                                         "{@}[$__range]))")),
                  "Peak 100 ms": (CPUS, of_those(
                      "max by (namespace, pod, container) (throttlelens_container_cpu_window_peak_cores"
                      '{@, window="100ms"})'))},
              links=to_workload),
        series("Throttled share of periods, top 10",
               "Enforcement periods (100 ms, mostly) in which a container ran out of quota, of those it ran in.", SHARE,
               {LEGEND: "topk(10, " + SHARE_OF_PERIODS.format(by="namespace, pod, container",
                                                              span="$__rate_interval") + " > 0)"},
               thresholds=SOME_THROTTLING),
        series("Threads waiting for quota, top 10", "Seconds of waiting a second, all threads of a container together.",
               THREADS, {LEGEND: "topk(10, " + (WAITS % "throttle").replace("$__range", "$__rate_interval")
                         + " > 0)"}),
    ]


def _waiting(to_workload):
    contention = WAITS % "contention"
    top = f"topk(30, {contention} > 0)"

    def of_those(expression):
        return f"{expression} and on (namespace, pod, container) {top}"
    use = BY_NAME + "(rate(throttlelens_container_cpu_usage_seconds_total{@}[$__range]))"
    request = "max by (namespace, pod, container) (last_over_time(throttlelens_container_cpu_request_cores" \
              "{@}[$__range]))"
    return [
        row("Waiting for a CPU"),
        table("Who waits for a CPU",
              "Means of the time shown: threads that could run while others had the CPUs. Who uses less than the "
              "request and waits all the same has neighbours that are too loud, or too many threads at once.", NAMES, {
                  "CPU wait": (THREADS, top, SOME_WAITING), "Use": (CPUS, of_those(use)),
                  "Request": (CPUS, of_those(request)),
                  "Wait per CPU second": (SECONDS, of_those(f"{contention} / ({use} > 0)"))},
              size=(12, 9), links=to_workload),
        series("Threads waiting for a CPU, top 10", "Seconds of waiting a second, all threads of a container together.",
               THREADS, {LEGEND: "topk(10, " + contention.replace("$__range", "$__rate_interval") + " > 0)"},
               size=(12, 9)),
        series("Cgroups below the root: use", "All below them included: kubepods is all pods.", CPUS,
               {"{{cgroup}}": 'topk(10, sum by (cgroup) (rate(throttlelens_cgroup_cpu_usage_seconds_total'
                              '{@, cgroup=~"/[^/]+"}[$__rate_interval])))'}),
        series("Cgroups below the root: waits", "Of the same, by cause.", THREADS,
               {"{{cgroup}} {{cause}}": 'topk(10, sum by (cgroup, cause) (rate('
                                        'throttlelens_cgroup_cpu_wait_seconds_total{@, cgroup=~"/[^/]+"}'
                                        "[$__rate_interval])))"}),
    ]


def _overhead():
    return [
        row("What pods cost beside what runs in them"),
        series("Overhead by component",
               "shim: one process a pod, that serves it. runc: starts containers, and each exec probe. pause: the "
               "pod's sandbox. conmon: the shim of CRI-O and Podman. Pods that are gone are included.", CPUS,
               {"{{component}}": f"sum by (component) ({OVERHEAD})"}, stacked=True, size=(8, 8)),
        series("Top 10 pods by overhead", "Much runc means exec probes: make them HTTP or gRPC, or rarer.", CPUS,
               {"{{namespace}} / {{pod}}": "topk(10, sum by (namespace, pod) (rate("
                "throttlelens_pod_overhead_cpu_seconds_total{@}[$__rate_interval])))"}, size=(8, 8)),
        series("Private memory by component", "Memory that only these processes use; what shims share with one another "
               "is not in it. Absent where throttlelens may not read it.", BYTES,
               {"{{component}}": "sum by (component) (throttlelens_pod_overhead_private_memory_bytes{@})"},
               stacked=True, size=(8, 8)),
        series("Services of the node", "kubelet, container runtimes and throttlelens: all processes of that name that "
               "are in no container.", CPUS, {"{{service}}": f"sum by (service) ({SERVICES})"}),
        series("Private memory of services", "Memory that only this service uses.", BYTES,
               {"{{service}}": "sum by (service) (throttlelens_node_service_private_memory_bytes{@})"}),
    ]


def _profiler():
    lost = "sum(rate(throttlelens_probe_lost_switches_total{@}[$__rate_interval]))"
    recovered = "sum(rate(throttlelens_probe_recovered_switches_total{@}[$__rate_interval]))"
    counters = {"missed windows": "probe_missed_windows_total", "cgroups not measured": "probe_dropped_cgroups_total",
                "series left out": "series_dropped_total", "episodes lost": "probe_lost_episodes_total",
                "processes lost": "probe_lost_processes_total", "partial waits": "probe_partial_waits_total"}
    return [
        row("The profiler itself"),
        stat("Data lost", "Windows read too late, and cgroups and series above the limits, in the time shown. What was "
             "lost is missing in this dashboard.", COUNT,
             " + ".join(f"sum(increase(throttlelens_{name}{{@}}[$__range]))" for name in
                        ("probe_missed_windows_total", "probe_dropped_cgroups_total", "series_dropped_total")),
             thresholds=ANY, size=(4, 8)),
        series("Lost context switches", "Switches whose previous thread was not the one recorded. Of the recovered "
               "ones the CPU time was still found; the others are filled in from the kernel's counters, later.",
               PER_SECOND, {"lost": lost, "recovered": recovered}, size=(10, 8)),
        series("Other losses", "Each is explained by `throttlelens metrics`.", PER_SECOND,
               {name: f"sum(rate(throttlelens_{metric}{{@}}[$__rate_interval]))"
                for name, metric in counters.items()}, size=(10, 8)),
        series("CPU of throttlelens", "The daemon's. What it adds to context switches is in the time of the threads "
               "that switch.", CPUS,
               {"throttlelens": "sum(rate(process_cpu_seconds_total{@}[$__rate_interval]) and on (job, instance) "
                                "throttlelens_build_info{@})"}, size=(8, 8)),
        series("Memory of throttlelens", "Resident memory of the daemon.", BYTES,
               {"throttlelens": "sum(process_resident_memory_bytes{@} and on (job, instance) "
                                "throttlelens_build_info{@})"}, size=(8, 8)),
        series("Scrapes", "How long a scrape takes: it waits for the next window of 100 ms.", SECONDS,
               {"duration": "max(scrape_duration_seconds{@} and on (job, instance) throttlelens_build_info{@})"},
               size=(8, 8)),
    ]


def make():
    to_workload = {"pod": ("This pod", link_to("Workload", ("namespace", field("namespace")), ("workload", "$__all"),
                                               ("pod", field("pod")), ("container", "$__all")))}
    info = "throttlelens_probe_info"
    variables = [cluster(info), node(info + '{cluster=~"$cluster"}')]
    panels = [*_glance(), *_time(), *_throttled(to_workload), *_waiting(to_workload), *_overhead(), *_profiler()]
    return dashboard("Node", __doc__.strip(), SELECTOR, variables, panels)
