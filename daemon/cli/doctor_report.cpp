// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_report.h"

#include <algorithm>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "cli/escape.h"

namespace throttlelens {
namespace {

constexpr const char* kIndent = "           ";

const char* mark(const Feature& feature) {
  if (feature.present) return "ok";
  return feature.required ? "MISSING" : "absent";
}

const char* name(StateDirectory::State state) {
  switch (state) {
    case StateDirectory::State::found:
      return "found";
    case StateDirectory::State::absent:
      return "absent";
    case StateDirectory::State::unreadable:
      return "unreadable";
  }
  return "absent";
}

void add_verdict(const DoctorReport& report, std::string& out) {
  out += fmt::format("Tier: {}\n", report.tier);
  if (report.error) {
    out += fmt::format("  Profiling cannot work here: {}\n", escape_text(report.error->message()));
  } else if (report.tier == "bpf") {
    out += "  Every context switch is counted in the kernel.\n";
  } else {
    out += fmt::format(
        "  Usage, limits and throttle counters by polling cpu.stat; no idle time, and\n"
        "  a slice is placed in a window only as well as the poll was on time.\n"
        "  Why not bpf: {}\n",
        escape_text(report.reason));
  }
}

void add_features(const Features& features, std::string& out) {
  std::size_t width = 0;
  for (const auto& feature : features.list) width = std::max(width, feature.name.size());
  out += "\nKernel\n";
  for (const auto& feature : features.list) {
    out += fmt::format("  {:<7}  ", mark(feature));
    out += feature.detail.empty()
               ? feature.name
               : fmt::format("{:<{}}  {}", feature.name, width, escape_text(feature.detail));
    out += '\n';
    if (!feature.present && !feature.fix.empty()) {
      out += fmt::format("{}to get it: {}\n", kIndent, escape_text(feature.fix));
    }
  }
}

void add_cgroups(const DoctorReport& report, std::string& out) {
  out += "\nCgroups\n";
  out += fmt::format("  root     {}\n", escape_text(report.cgroup_root));
  if (report.cgroups) {
    out += fmt::format("  mode     {}\n  seen     {}\n", report.cgroup_mode, *report.cgroups);
  } else {
    out += "  mode     unknown: the hierarchy of the cpu controller cannot be read\n";
  }
  for (const auto& warning : report.cgroup_warnings) {
    out += fmt::format("  note     {}\n", escape_text(warning));
  }
}

void add_runtimes(const DoctorReport& report, std::string& out) {
  const std::vector<StateDirectory>& directories = report.state_directories;
  std::size_t width = 0;
  for (const auto& directory : directories) width = std::max(width, directory.runtime.size());
  out += "\nContainer runtimes (state directories)\n";
  for (const auto& directory : directories) {
    out += fmt::format("  {:<10}  {:<{}}  {}\n", name(directory.state), directory.runtime, width,
                       escape_text(directory.path));
  }
  const bool any = std::ranges::any_of(directories, [](const auto& directory) {
    return directory.state == StateDirectory::State::found;
  });
  if (!any) out += "  None found.\n";
  out += fmt::format("  {} containers named", report.named_containers);
  if (report.unnamed_containers > 0) {
    out += fmt::format(
        ", {} known by id only\n  to name them: list their runtime's state directory in "
        "`runtimes`,\n  readable to us and, in a container, mounted at the same path",
        report.unnamed_containers);
  }
  out += '\n';
}

}  // namespace

std::string doctor_text(const DoctorReport& report) {
  std::string out =
      fmt::format("throttlelens {} on Linux {} ({}), {} CPUs possible\n\n", report.version,
                  escape_text(report.features.kernel), escape_text(report.features.machine),
                  report.features.cpus_possible);
  add_verdict(report, out);
  add_features(report.features, out);
  add_cgroups(report, out);
  add_runtimes(report, out);
  return out;
}

std::string doctor_json(const DoctorReport& report) {
  using Json = nlohmann::ordered_json;
  Json features = Json::array();
  for (const auto& feature : report.features.list) {
    features.push_back({{"name", feature.name},
                        {"present", feature.present},
                        {"required", feature.required},
                        {"detail", feature.detail},
                        {"fix", feature.fix}});
  }
  Json directories = Json::array();
  for (const auto& directory : report.state_directories) {
    directories.push_back({{"runtime", directory.runtime},
                           {"path", directory.path},
                           {"state", name(directory.state)}});
  }
  Json out{{"schema_version", 1},
           {"version", report.version},
           {"kernel", report.features.kernel},
           {"machine", report.features.machine},
           {"cpus_possible", report.features.cpus_possible},
           {"works", !report.error.has_value()},
           {"tier", report.tier},
           {"reason", report.reason},
           {"error", report.error ? Json(report.error->message()) : Json(nullptr)},
           {"features", std::move(features)}};
  out["cgroup"] = {{"root", report.cgroup_root},
                   {"mode", report.cgroups ? Json(report.cgroup_mode) : Json(nullptr)},
                   {"count", report.cgroups ? Json(*report.cgroups) : Json(nullptr)},
                   {"warnings", report.cgroup_warnings}};
  out["state_directories"] = std::move(directories);
  out["containers"] = {{"named", report.named_containers}, {"unnamed", report.unnamed_containers}};
  // Bytes that are no UTF-8 (a path of the configuration) must not throw.
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace throttlelens
