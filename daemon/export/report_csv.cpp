// SPDX-License-Identifier: Apache-2.0
#include "report_csv.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "export/snapshot_answer.h"
#include "report_fields.h"
#include "why_word.h"

namespace throttlelens {

namespace {

/// Of valid UTF-8: C0, DEL, and C1 (two bytes, the second of which tells) as \xNN.
std::string without_controls(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : '\0';
    const bool c1 = byte == 0xC2 && next >= 0x80 && next < 0xA0;
    if (byte >= 0x20 && byte != 0x7F && !c1) {
      out += text[i];
      continue;
    }
    std::array<char, 5> escape{};
    std::snprintf(escape.data(), escape.size(), "\\x%02x", c1 ? next : byte);
    out += escape.data();
    if (c1) ++i;
  }
  return out;
}

std::string name_field(std::string_view name) {
  std::string text = without_controls(name);
  if (!text.empty() && std::string_view("=+-@'").contains(text.front())) text.insert(0, 1, '\'');
  if (text.find_first_of("\",") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

/// The shortest text that is read as the same number, never with an exponent.
std::string number_field(std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return {};
  std::array<char, 400> text{};
  const auto written =
      std::to_chars(text.data(), text.data() + text.size(), *value, std::chars_format::fixed);
  return {text.data(), written.ptr};
}

std::string_view kind_name(ReportKind kind) {
  constexpr std::array<std::string_view, 3> names{"container", "pod", "cgroup"};
  return names[static_cast<std::size_t>(kind)];
}

std::string why_field(std::optional<Why> why) {
  return why ? std::string(why_word(*why)) : std::string();
}

class Lines {
 public:
  Lines(const Snapshot& snapshot, const Report& report)
      : fields_(report_fields(snapshot)), seconds_(number_field(report.seconds)) {
    out_ = "schema_version,kind,namespace,pod,container,cgroup,alive,window_seconds,why,pod_why";
    for (const ReportField& field : fields_) out_.append(",").append(csv_name(field));
    out_ += "\r\n";
  }

  void add(const ReportRow& row) {
    out_ += std::to_string(kSnapshotSchemaVersion);
    for (const std::string& text :
         {std::string(kind_name(row.kind)), name_field(row.pod_namespace), name_field(row.pod),
          name_field(row.container), name_field(row.cgroup),
          std::string(row.alive ? "true" : "false"), seconds_, why_field(row.why),
          why_field(row.pod_why)}) {
      out_.append(",").append(text);
    }
    for (const ReportField& field : fields_) {
      out_.append(",").append(number_field(field.value(row)));
    }
    out_ += "\r\n";
  }

  std::string take() { return std::move(out_); }

 private:
  const std::vector<ReportField> fields_;
  const std::string seconds_;
  std::string out_;
};

}  // namespace

std::string render_csv(const Snapshot& snapshot, const Report& report) {
  Lines lines(snapshot, report);
  for (const ReportPod& pod : report.pods) lines.add(pod.row);
  for (const ReportRow& row : report.containers) lines.add(row);
  for (const ReportRow& row : report.others) lines.add(row);
  return lines.take();
}

}  // namespace throttlelens
