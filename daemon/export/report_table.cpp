// SPDX-License-Identifier: Apache-2.0
#include "report_table.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "human.h"
#include "losses_text.h"
#include "report_fields.h"
#include "text_table.h"
#include "top_names.h"
#include "why_word.h"

namespace throttlelens {

namespace {

constexpr std::string_view kHeading = "POD OR CGROUP";
constexpr std::size_t kLegendLines = 3;
constexpr std::string_view kWhySource =
    "waits, use and the node's use in the longest window; "
    "fine: nothing worth a word";

struct Line {
  const ReportRow* row = nullptr;
  TopName name;
};

TopName name_of(const ReportRow& row) {
  if (row.as_container != nullptr) return top_name(*row.as_container->identity, row.alive);
  if (row.kind == ReportKind::cgroup) return top_name(*row.cpu->path, row.alive);
  TopName name;
  if (!row.pod_namespace.empty()) name.parts.push_back(printable(row.pod_namespace));
  name.parts.push_back(printable(row.pod));
  if (!row.alive) name.note = " (ended)";
  return name;
}

/// Below its pod.
TopName indented(const ReportRow& container) {
  return {.parts = {"  " + printable(container.container)},
          .note = container.alive ? "" : " (ended)"};
}

std::vector<Line> lines_of(const Report& report, bool with_containers) {
  std::vector<Line> lines;
  for (const ReportPod& pod : report.pods) {
    lines.push_back({.row = &pod.row, .name = name_of(pod.row)});
    if (!with_containers) continue;
    for (const ReportRow& row : pod.containers) {
      lines.push_back({.row = &row, .name = indented(row)});
    }
  }
  for (const auto* rows : {&report.outside, &report.others}) {
    for (const ReportRow& row : *rows) lines.push_back({.row = &row, .name = name_of(row)});
  }
  return lines;
}

Column why_column(const std::vector<Line>& lines) {
  Column column = make_column("WHY", kWhyRank, "WHY: what held it back");
  for (const Line& line : lines) {
    const std::optional<Why> why = line.row->pod_why ? line.row->pod_why : line.row->why;
    column.add(Cell(why ? std::string(why_word(*why)) : "-"));
  }
  return column;
}

bool empty(const Column& column) {
  return std::ranges::all_of(column.cells, [](const Cell& cell) { return cell.text == "-"; });
}

/// Where nothing is known of any row there is no column: a tier may know no waits.
std::vector<Column> columns_of(const std::vector<Line>& lines,
                               const std::vector<ReportField>& fields, bool wide) {
  std::vector<Column> columns;
  const auto keep = [&columns](Column column) {
    if (!empty(column)) columns.push_back(std::move(column));
  };
  for (const ReportField& field : fields) {
    if (field.path == "overhead.cores") keep(why_column(lines));
    if (field.heading.empty() || (field.wide_only && !wide)) continue;
    const ReportValue& value = field.shown ? field.shown : field.value;
    Column column = make_column(field.heading, field.rank, field.note);
    for (const Line& line : lines) column.add(Cell(cell_text(field.unit, value(*line.row))));
    keep(std::move(column));
  }
  return columns;
}

std::string node_text(const Snapshot& snapshot, const Report& report) {
  std::string text = "throttlelens  ";
  text += report.seconds ? "last " + short_duration(std::chrono::duration_cast<Nanoseconds>(
                                         std::chrono::duration<double>(*report.seconds)))
                         : "no past yet";
  text += "  tier " + printable(snapshot.probe.tier);
  text +=
      "  " + std::to_string(snapshot.cpus_online) + (snapshot.cpus_online == 1 ? " CPU" : " CPUs");
  if (report.node.busy_cores) {
    text += "  busy " + millicores(*report.node.busy_cores);
    if (snapshot.cpus_online > 0) {
      text += " (" + percent(*report.node.busy_cores / snapshot.cpus_online) + ")";
    }
  }
  if (report.node.idle_ratio) text += "  idle " + percent(*report.node.idle_ratio);
  return text;
}

/// "running pods costs 12m = 0.6% of the node: shim 8.1m, runc 3.9m", what is 0 left out; empty if
/// not known.
std::string costs_text(const OverheadValues& costs) {
  if (!costs.cores) return {};
  std::string text = "running pods costs " + fine_millicores(*costs.cores);
  if (costs.ratio) text += " = " + fine_percent(*costs.ratio) + " of the node";
  std::string_view before = ": ";
  for (std::size_t i = 0; i < kOverheadComponents; ++i) {
    const std::optional<double> part = costs.parts[i].cores;
    if (!part || *part == 0) continue;
    text.append(before).append(kOverheadNames[i]);
    text += " " + fine_millicores(*part);
    before = ", ";
  }
  return text;
}

/// "services: kubelet 30m 45.1MiB, containerd 9.8m"; empty without any.
std::string services_text(const std::vector<ReportService>& services) {
  std::string text;
  for (const ReportService& service : services) {
    if (!service.cores && !service.private_memory) continue;
    text.append(text.empty() ? "services: " : ", ").append(printable(service.name));
    if (service.cores) text += " " + fine_millicores(*service.cores);
    if (service.private_memory) {
      text += " " + mebibytes(static_cast<double>(*service.private_memory));
    }
  }
  return text;
}

void put_head(Page& page, const Snapshot& snapshot, const Report& report) {
  page.line(node_text(snapshot, report));
  for (std::string& text :
       std::vector{costs_text(report.node.overhead), services_text(report.node.services),
                   losses_text(snapshot)}) {
    if (!text.empty()) page.line(std::move(text));
  }
  page.line("");
}

void put_left_out(Page& page, std::size_t count, std::string_view what) {
  if (count > 0) page.line("and " + std::to_string(count) + " more " + std::string(what));
}

void put_rows(Page& page, const std::vector<Line>& lines, std::vector<Column>& columns,
              std::size_t width) {
  std::size_t longest = kHeading.size();
  for (const Line& line : lines) longest = std::max(longest, line.name.width());
  const NameRoom room{
      .heading = kHeading.size(), .longest = longest, .last_needed = kLastNeededRank};
  const std::size_t name_width = std::min(fit(columns, width, room), longest);
  page.heading(std::string(kHeading.substr(0, name_width)), name_width, columns);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    page.row(lines[i].name.fitted(name_width), name_width, kPlain, columns, i);
  }
}

void put_left_out(Page& page, const Report& report) {
  put_left_out(page, report.pods_left_out, "pods");
  put_left_out(page, report.outside_left_out, "containers outside of pods");
  put_left_out(page, report.others_left_out, "cgroups");
}

void put_namespaces(Page& page, const Report& report) {
  if (report.namespaces.empty()) return;
  constexpr auto cores = ReportUnit::cores;
  constexpr auto per_second = ReportUnit::per_second;
  std::vector<Column> columns;
  const auto add = [&](const char* heading, const auto& text_of) {
    Column& column = columns.emplace_back(make_column(heading, 0, ""));
    for (const ReportNamespace& sum : report.namespaces) column.add(Cell(text_of(sum)));
  };
  add("PODS", [](const auto& sum) { return std::to_string(sum.pods); });
  add("CONTAINERS", [](const auto& sum) { return std::to_string(sum.containers); });
  add("UNKNOWN", [](const auto& sum) { return std::to_string(sum.unknown); });
  add("CPU", [](const auto& sum) { return cell_text(cores, sum.cores); });
  add("LIMITS", [](const auto& sum) { return cell_text(cores, sum.limit); });
  add("REQUESTS", [](const auto& sum) { return cell_text(cores, sum.request); });
  add("QUOTA-WAIT", [](const auto& sum) { return cell_text(per_second, sum.throttle_wait); });
  add("CPU-WAIT", [](const auto& sum) { return cell_text(per_second, sum.contention_wait); });
  add("OVERHEAD", [](const auto& sum) { return cell_text(cores, sum.overhead_cores); });
  add("MEMORY", [](const auto& sum) {
    return sum.private_memory ? mebibytes(static_cast<double>(*sum.private_memory)) : "-";
  });
  std::vector<std::string> names;
  std::size_t width = 0;
  for (const ReportNamespace& sum : report.namespaces) {
    names.push_back(sum.name.empty() ? "(none)" : printable(sum.name));
    width = std::max(width, names.back().size());
  }
  constexpr std::string_view kNamespaceHeading = "NAMESPACE";
  width = std::max(width, kNamespaceHeading.size());
  page.line("");
  page.heading(std::string(kNamespaceHeading), width, columns);
  for (std::size_t i = 0; i < names.size(); ++i) page.row(names[i], width, kPlain, columns, i);
}

/// Of the columns that are shown.
void put_sources(Page& page, const std::vector<ReportField>& fields,
                 const std::vector<Column>& columns) {
  const auto put = [&page](const std::string& heading, std::string_view meaning,
                           std::string_view source) {
    page.line(heading + ": " + std::string(meaning) + " [" + std::string(source) + "]");
  };
  page.line("");
  page.line("1000m = 1 CPU. Columns, and where they come from:");
  for (const Column& column : columns) {
    const auto field = std::ranges::find(fields, column.heading, &ReportField::heading);
    if (field != fields.end()) {
      put(column.heading, field->meaning, source_of(*field));
    } else {
      put(column.heading, "What held it back", kWhySource);
    }
  }
}

}  // namespace

std::string render_table(const Snapshot& snapshot, const Report& report, std::size_t width) {
  Page page(width, false);
  put_head(page, snapshot, report);
  const std::vector<Line> lines = lines_of(report, false);
  std::vector<Column> columns = columns_of(lines, report_fields(snapshot), false);
  put_rows(page, lines, columns, width);
  put_left_out(page, report);
  for (std::string& text : legend(columns, width, kLegendLines)) page.line(std::move(text));
  return page.take();
}

std::string render_wide_table(const Snapshot& snapshot, const Report& report) {
  Page page(kUnlimited, false);
  put_head(page, snapshot, report);
  const std::vector<Line> lines = lines_of(report, true);
  const std::vector<ReportField> fields = report_fields(snapshot);
  std::vector<Column> columns = columns_of(lines, fields, true);
  put_rows(page, lines, columns, kUnlimited);
  put_left_out(page, report);
  put_namespaces(page, report);
  put_sources(page, fields, columns);
  return page.take();
}

}  // namespace throttlelens
