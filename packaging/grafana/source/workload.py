# SPDX-License-Identifier: Apache-2.0
"""The pods of one workload: what they use in 100 ms against what their limit says, and what holds them back."""

from dashboard import cluster, dashboard, variable
from panels import (BYTES, CPUS, PER_SECOND, SECONDS, SHARE, SOME_THROTTLING, SOME_WAITING, THREADS, COUNT, heatmap,
                    row, series, stat, table, text)

POD = 'cluster=~"$cluster", namespace="$namespace", pod=~"$pod"'
SELECTOR = POD + ', container=~"$container"'
LEGEND = "{{pod}} / {{container}}"
BY_NAME = "sum by (pod, container) "
NAMES = ("pod", "container")

READING = """\
1. **Throttled** is 0 and **quota wait** is 0: the limit holds nothing back. Look at **CPU wait**.
2. **Throttled, and the 100 ms peak is far above the 5 s use**: threads that wake together use up the quota of a \
period at once. A higher limit, none, a burst (`cpu.max.burst`), or fewer threads (`GOMAXPROCS`, pools as \
large as the limit).
3. **Throttled, and 5 s is at the limit too**: it simply needs more.
4. **Quota wait without an own limit**: the pod's limit or one above holds it back; see *Throttle episodes*, by level.
5. **CPU wait**: neighbours have the CPUs, or it has more threads than CPUs. A higher request, or another node.
6. **Throttled while a CPU was idle**: time lost for nothing.
"""


def _rate(metric, more="", span="$__rate_interval"):
    return f"rate(throttlelens_container_cpu_{metric}{{@{more}}}[{span}])"


def _wait(cause, span="$__rate_interval"):
    return _rate("wait_seconds_total", f', cause="{cause}"', span)


def _share(by="", span="$__rate_interval"):
    return (f"sum{by} ({_rate('cfs_throttled_periods_total', span=span)}) / "
            f"(sum{by} ({_rate('cfs_periods_total', span=span)}) > 0)")


def _glance():
    peak = 'throttlelens_container_cpu_window_peak_cores{@, window="100ms"}'
    limit = "throttlelens_container_cpu_limit_cores{@}"
    return [
        text("How to read this in ten seconds", READING, (12, 8)),
        stat("Throttled", "Share of enforcement periods that ran out of quota. None: there is no limit.", SHARE,
             _share(), thresholds=SOME_THROTTLING),
        stat("Quota wait", "Threads that could run and waited for quota, on average.", THREADS,
             f"sum({_wait('throttle')})", thresholds=SOME_WAITING),
        stat("CPU wait", "Threads that could run while others had the CPUs, on average.", THREADS,
             f"sum({_wait('contention')})", thresholds=SOME_WAITING),
        stat("Idle meanwhile", "Share of the time in which a container was throttled while its node had an idle CPU: "
             "the worst of them.", SHARE, f"max({_rate('throttled_while_idle_seconds_total')})",
             thresholds=SOME_THROTTLING),
        stat("Peak ÷ limit", "The busiest 100 ms of the last minute, of the limit: the highest of the containers. "
             "Above 1 is no error: windows begin within periods, and a burst is saved-up quota.", SHARE,
             f"max({peak} / on (cluster, instance, namespace, pod, container) {limit})",
             thresholds=((0.9, "yellow"), (1, "orange"))),
        stat("Use ÷ limit", "CPU used, of the limits: what a dashboard of averages shows.", SHARE,
             f"sum({_rate('usage_seconds_total')} and on (cluster, instance, namespace, pod, container) {limit}) "
             f"/ sum({limit})"),
        stat("Limit", "Sum of the containers' limits.", CPUS, f"sum({limit})"),
        stat("Containers", "Containers that run or ended a moment ago.", COUNT,
             "count(throttlelens_container_info{@})"),
    ]


def _use():
    return [
        row("CPU in 100 ms, 1 s and 5 s"),
        series("Busiest window of the last minute against limit and request",
               "Of the containers shown, the one that is highest in each. Far apart: the use is bursty, and an average "
               "hides it.", CPUS,
               {"peak {{window}}": "max by (window) (throttlelens_container_cpu_window_peak_cores{@})",
                "limit": "max(throttlelens_container_cpu_limit_cores{@})",
                "request": "max(throttlelens_container_cpu_request_cores{@})",
                "mean use": f"max({_rate('usage_seconds_total')})"},
               marks={"limit": "red", "request": "blue"}, size=(12, 9)),
        heatmap("Windows of 100 ms by use ÷ limit",
                "How many windows used which share of the limit; containers with a limit only. A container that is "
                "idle most of the time and at 1 for the rest is throttled, however low its average is.", SHARE,
                "sum by (le) (increase(throttlelens_container_cpu_window_limit_utilization_ratio_bucket"
                "{@}[$__rate_interval]))"),
        series("CPU use by container", "Mean over the interval of the graph.", CPUS,
               {LEGEND: f"{BY_NAME}({_rate('usage_seconds_total')})"}),
        series("Busiest 100 ms by container", "Highest window within the last minute.", CPUS,
               {LEGEND: 'max by (pod, container) (throttlelens_container_cpu_window_peak_cores{@, window="100ms"})'}),
    ]


def _throttling():
    return [
        row("Held back by a limit"),
        series("Throttled share of periods",
               "Enforcement periods that ran out of quota, of those with something to run.", SHARE,
               {LEGEND: _share(" by (pod, container)")}, thresholds=SOME_THROTTLING, size=(8, 8)),
        series("Throttled time", "The kernel's own count: summed over CPUs, and told when throttling ends.", CPUS,
               {LEGEND: f"{BY_NAME}({_rate('throttled_seconds_total')})"}, size=(8, 8)),
        series("Throttled while a CPU was idle", "Share of the wall clock: time lost while the node had a CPU to give.",
               SHARE, {LEGEND: f"{BY_NAME}({_rate('throttled_while_idle_seconds_total')})"}, size=(8, 8)),
        series("Throttle episodes by level", "Stretches in which at least one CPU was throttled, by whose quota ran "
               "out: the container's, its pod's, or an ancestor's.", PER_SECOND,
               {"{{level}}": f"sum by (level) ({_rate('throttle_episode_seconds_count')})"}, size=(8, 8)),
        series("Length of throttle episodes by level", "99 of 100 are shorter, and their mean. To the precision of the "
               "histogram.", SECONDS,
               {"{{level}} 99 %": "histogram_quantile(0.99, sum by (le, level) "
                                  f"({_rate('throttle_episode_seconds_bucket')}))",
                "{{level}} mean": f"sum by (level) ({_rate('throttle_episode_seconds_sum')}) / "
                                  f"(sum by (level) ({_rate('throttle_episode_seconds_count')}) > 0)"}, size=(8, 8)),
        series("Burst",
               "CPU time above the quota, out of what was saved up (`cpu.max.burst`). None: there is no burst.", CPUS,
               {LEGEND: f"{BY_NAME}({_rate('burst_seconds_total')})"}, size=(8, 8)),
    ]


def _waiting():
    buckets = _rate("wait_duration_seconds_bucket")
    return [
        row("Waiting"),
        series("Threads waiting, by cause", "Seconds of waiting a second, all threads together. throttle: for quota. "
               "contention: while others had the CPUs.", THREADS,
               {"{{cause}}": f"sum by (cause) ({_rate('wait_seconds_total')})"}, stacked=True, size=(8, 8)),
        series("Length of waits by cause", "Of single threads. A cause is absent until one wait for it was longer than "
               "10 ms.", SECONDS,
               {f"{{{{cause}}}} {share} %": f"histogram_quantile({share / 100:g}, sum by (le, cause) ({buckets}))"
                for share in (50, 95, 99)}, size=(8, 8)),
        series("Lost to interrupts and hypervisor", "Time taken from threads that were on a CPU. Much of it is stolen "
               "by the hypervisor: the machine below is too full.", CPUS,
               {LEGEND: f"{BY_NAME}({_rate('lost_seconds_total')})"}, size=(8, 8)),
    ]


def _pods():
    def of_pods(metric, more=""):
        return f"throttlelens_pod_{metric}{{{POD}{more}}}"

    def rate(metric, more=""):
        return f"rate({of_pods(metric, more)}[$__rate_interval])"
    return [
        row("Pods, and what they cost beside what runs in them"),
        series("Use and limit of pods", "Of the pod's own cgroup: all its containers, ended ones included.", CPUS,
               {"{{pod}}": f"sum by (pod) ({rate('cpu_usage_seconds_total')})",
                "{{pod}} limit": f"max by (pod) ({of_pods('cpu_limit_cores')})"}, size=(8, 8)),
        series("Overhead by component", "shim, runc (which starts containers and exec probes), pause and conmon.", CPUS,
               {"{{component}}": f"sum by (component) ({rate('overhead_cpu_seconds_total')})"}, stacked=True,
               size=(8, 8)),
        series("Private memory of overhead", "Memory that only these processes of the pods use.", BYTES,
               {"{{component}}": f"sum by (component) ({of_pods('overhead_private_memory_bytes')})"}, stacked=True,
               size=(8, 8)),
        table("All containers", "As of now; waits and throttling are means of the time shown.", (*NAMES, "image", "qos",
                                                                                             "instance"), {
            "Quota wait": (THREADS, _named(_wait("throttle", "$__range")), SOME_WAITING),
            "Throttled": (SHARE, f"({_share(' by (instance, pod, container)', '$__range')}) * on (instance, pod, "
                          f"container) group_left (image, qos) {INFO}", SOME_THROTTLING),
            "CPU wait": (THREADS, _named(_wait("contention", "$__range")), SOME_WAITING),
            "Use": (CPUS, _named(_rate("usage_seconds_total", span="$__range"))),
            "Peak 100 ms": (CPUS, _named('throttlelens_container_cpu_window_peak_cores{@, window="100ms"}')),
            "Limit": (CPUS, _named("throttlelens_container_cpu_limit_cores{@}")),
            "Request": (CPUS, _named("throttlelens_container_cpu_request_cores{@}"))}, sort="Use"),
    ]


INFO = "max by (instance, pod, container, image, qos) (throttlelens_container_info{@})"


def _named(expression):
    """With what the container is."""
    return f"sum by (instance, pod, container) ({expression}) * on (instance, pod, container) " \
           f"group_left (image, qos) {INFO}"


def make():
    relabel = "namespace_workload_pod:throttlelens_pod:relabel"
    pods = 'cluster=~"$cluster", namespace="$namespace"'
    variables = [
        cluster("throttlelens_probe_info"),
        variable("namespace", "Namespace", relabel + '{cluster=~"$cluster", namespace!=""}'),
        variable("workload", "Workload", f"{relabel}{{{pods}}}", every=True, all_value=".*"),
        variable("pod", "Pod", f'{relabel}{{{pods}, workload=~"$workload"}}', several=True, every=True),
        variable("container", "Container", f"throttlelens_container_info{{{POD}}}", several=True, every=True,
                 all_value=".*")]
    panels = [*_glance(), *_use(), *_throttling(), *_waiting(), *_pods()]
    return dashboard("Workload", __doc__.strip(), SELECTOR, variables, panels)
