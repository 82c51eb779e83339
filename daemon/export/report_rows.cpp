// SPDX-License-Identifier: Apache-2.0
#include "report_rows.h"

#include <algorithm>
#include <string>
#include <utility>

#include "exposed_rows.h"
#include "row_order.h"
#include "row_values.h"
#include "sums.h"

namespace throttlelens {

namespace {

bool held_back(std::optional<Why> why) {
  return why.value_or(Why::fine) != Why::fine;
}

std::optional<double> waited(const ReportRow& row) {
  const WindowValue* const window = row.cpu != nullptr ? longest_window(row.cpu->windows) : nullptr;
  if (window == nullptr || !window->waits) return std::nullopt;
  return to_seconds(window->waits->throttle + window->waits->contention);
}

std::optional<Why> why_of_pod(const ReportRow& pod, const std::vector<ReportRow>& containers) {
  if (held_back(pod.why)) return pod.why == Why::quota ? Why::pod_quota : pod.why;
  std::optional<Why> why = pod.why;
  std::optional<double> most;
  for (const ReportRow& container : containers) {
    if (!why) why = container.why;
    if (!held_back(container.why) || (held_back(why) && waited(container) <= most)) continue;
    why = container.why;
    most = waited(container);
  }
  return why;
}

}  // namespace

void add_up(OverheadValues& overhead, std::optional<double> own_cores) {
  for (const OverheadValues::Part& part : overhead.parts) {
    add_known(overhead.cores, part.cores);
  }
  if (overhead.cores && own_cores && *own_cores > 0) overhead.ratio = *overhead.cores / *own_cores;
}

ReportRows::ReportRows(const Snapshot& snapshot, const Span& span)
    : snapshot_(snapshot), span_(span), labels_(label_texts(snapshot)) {
  for (const OverheadRow& row : snapshot.overhead) {
    overhead_.emplace(Name(row.pod_namespace, row.pod, row.container), &row);
  }
}

ReportRow ReportRows::row(const CgroupRow& cpu) const {
  ReportRow out;
  out.alive = cpu.alive;
  out.cpu = &cpu;
  for (const WindowValue& window : cpu.windows) {
    out.windows.push_back(as_cores(window.last, window.length));
  }
  out.limit = row_values::limit_cores(cpu);
  out.span = span_.of(cpu);
  out.why = cpu.why;
  if (cpu.path) out.cgroup = readable_value(*cpu.path);
  return out;
}

ReportRow ReportRows::container(const ContainerRow& row) const {
  ReportRow out = this->row(row.cpu);
  const ContainerIdentity& who = *row.identity;
  out.kind = ReportKind::container;
  out.as_container = &row;
  out.pod_namespace = labels_.of(who.pod_namespace);
  out.pod = labels_.of(who.pod);
  out.container = labels_.of(who.container);
  if (row.request) out.request = row.request->cores;
  if (!who.pod.empty()) return out;
  if (const OverheadRow* const found = find_overhead({who.pod_namespace, "", who.container})) {
    out.overhead = overhead(*found, span_.began(row.cpu), out.span.cores);
  }
  return out;
}

ReportRow ReportRows::cgroup(const CgroupRow& row) const {
  ReportRow out = this->row(row);
  out.cgroup = labels_.of(*row.path);
  return out;
}

ReportPod ReportRows::pod(std::string_view pod_namespace, std::string_view name, const PodRow* own,
                          std::vector<ReportRow> containers) const {
  ReportPod out;
  if (own != nullptr) out.row = row(own->cpu);
  out.row.kind = ReportKind::pod;
  out.row.as_pod = own;
  out.row.pod_namespace = labels_.of(pod_namespace);
  out.row.pod = labels_.of(name);
  const OverheadRow* const found = find_overhead({pod_namespace, name, ""});
  if (own == nullptr) {
    fill_from_containers(out.row, containers);
    out.row.alive = out.row.alive || (found != nullptr && found->alive);
  }
  for (const ReportRow& container : containers) add_known(out.row.request, container.request);
  out.row.pod_throttled_ratio = out.row.span.throttled_ratio;
  for (const ReportRow& container : containers) {
    out.row.pod_throttled_ratio =
        std::max(out.row.pod_throttled_ratio, container.span.throttled_ratio);
  }
  out.row.pod_why = why_of_pod(out.row, containers);
  if (found != nullptr) {
    const auto began_in_span = [this](const ReportRow& one) { return span_.began(*one.cpu); };
    const bool began = own != nullptr
                           ? span_.began(own->cpu)
                           : !containers.empty() && std::ranges::all_of(containers, began_in_span);
    out.row.overhead = overhead(
        *found, began,
        sum_of_all<double>(containers, [](const ReportRow& one) { return one.span.cores; }));
  }
  out.containers = std::move(containers);
  return out;
}

void ReportRows::fill_from_containers(ReportRow& pod,
                                      const std::vector<ReportRow>& containers) const {
  const auto sum = [&containers](auto SpanValues::* field) {
    return sum_of_all<double>(containers,
                              [field](const ReportRow& one) { return one.span.*field; });
  };
  pod.alive = std::ranges::any_of(containers, &ReportRow::alive);
  pod.span.cores = sum(&SpanValues::cores);
  pod.span.throttle_wait = sum(&SpanValues::throttle_wait);
  pod.span.contention_wait = sum(&SpanValues::contention_wait);
  // Peaks of several are not at the same time.
  if (containers.size() == 1) pod.span.peak_cores = containers.front().span.peak_cores;
  for (std::size_t i = 0; i < snapshot_.reported.size(); ++i) {
    pod.windows.push_back(sum_of_all<double>(containers, [i](const ReportRow& one) {
      return i < one.windows.size() ? one.windows[i] : std::nullopt;
    }));
  }
}

OverheadValues ReportRows::overhead(const OverheadRow& row, bool began,
                                    const std::optional<double>& own_cores) const {
  OverheadValues out;
  for (std::size_t i = 0; i < kOverheadComponents; ++i) {
    out.parts[i] = {.cpu_seconds = as_seconds(row.parts[i].cpu),
                    .cores = span_.overhead(row, static_cast<OverheadComponent>(i), began),
                    .private_memory = row.parts[i].private_memory};
  }
  out.private_memory = private_memory(row.parts);
  add_up(out, own_cores);
  return out;
}

const OverheadRow* ReportRows::find_overhead(const Name& name) const {
  const auto found = overhead_.find(name);
  return found != overhead_.end() ? found->second : nullptr;
}

}  // namespace throttlelens
