// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "cgroup/cgroup_tree.h"
#include "cli/doctor_report.h"
#include "cli/source_choice.h"
#include "commands.h"
#include "config/config.h"
#include "console.h"
#include "process_setup.h"
#include "runtime/identities.h"
#include "settings.h"
#include "version.h"

namespace throttlelens {
namespace {

StateDirectory look_at(std::string runtime, std::string path) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(path, error);
  auto state = StateDirectory::State::found;
  if (error == std::errc::permission_denied) {
    state = StateDirectory::State::unreadable;
  } else if (error) {
    state = StateDirectory::State::absent;
  }
  return {.runtime = std::move(runtime), .path = std::move(path), .state = state};
}

std::vector<StateDirectory> look_at_runtimes(const Config::Runtimes& runtimes) {
  std::vector<StateDirectory> found;
  const auto add = [&](const char* runtime, const std::vector<std::string>& paths) {
    for (const auto& path : paths) found.push_back(look_at(runtime, path));
  };
  add("containerd", runtimes.containerd);
  add("crio", runtimes.crio);
  add("docker", runtimes.docker);
  add("podman", runtimes.podman);
  return found;
}

/// As `run` names them, with a clock that runs ahead: what is not found is looked for again, and
/// the state directories of shims are found on the way.
void count_containers(TreeChanges tree, const Config::Runtimes& runtimes, DoctorReport& report) {
  constexpr int kRounds = 64;
  Identities identities(identity_options(runtimes));
  std::map<CgroupKey, bool> named;
  MonoTime now{};
  for (int round = 0; round < kRounds; ++round, now = now + std::chrono::seconds(1)) {
    for (const Identified& one : identities.update(tree, now)) {
      named.erase(one.key);
      if (one.identity->role == ContainerRole::application) {
        named[one.key] = one.identity->from_files;
      }
    }
    tree = {};
  }
  for (const auto& [key, from_files] : named) {
    ++(from_files ? report.named_containers : report.unnamed_containers);
  }
}

/// Does what `run` would do, up to a working source, and notes what comes of it.
Result<void> try_profiling(const Config& config, DoctorReport& report) {
  const auto tree = CgroupTree::open({.root = config.cgroup.root});
  if (!tree) return std::unexpected(tree.error());
  const auto changes = (*tree)->changes();
  if (!changes) return std::unexpected(changes.error());
  report.cgroup_mode = to_string((*tree)->mode());
  report.cgroups = changes->appeared.size();
  for (const Error& warning : (*tree)->take_warnings()) {
    report.cgroup_warnings.push_back(warning.message());
  }
  count_containers(*changes, config.runtimes, report);
  const auto choice = choose_source(config.probe.mode, make_plan(report.features));
  if (!choice) return std::unexpected(choice.error());
  const auto source =
      make_source(*choice, {.base = config.windows.base, .max_cgroups = config.limits.max_cgroups},
                  {.tier = {},
                   .reason = {},
                   .kernel = report.features.kernel,
                   .cgroup_mode = report.cgroup_mode},
                  **tree);
  if (!source) return std::unexpected(source.error());
  const ProbeInfo info = (*source)->info();
  if (info.tier == "cpustat" && !changes->appeared.empty()) {
    const auto usage = (*tree)->usage(changes->appeared.front().key);
    if (!usage) return std::unexpected(usage.error());
  }
  report.tier = info.tier;
  report.reason = info.reason;
  return {};
}

}  // namespace

int doctor_command(const DoctorArguments& arguments) {
  const auto config = load_settings(arguments.config, {});
  if (!config) return complain(config.error());
  // As `run` does, so that a machine with many cgroups is judged alike.
  if (auto raised = raise_open_file_limit(); !raised) complain(raised.error().message());

  DoctorReport report;
  report.version = version_info().version;
  report.features = detect_features();
  report.cgroup_root = config->cgroup.root;
  report.state_directories = look_at_runtimes(config->runtimes);
  if (auto tried = try_profiling(*config, report); !tried) {
    report.tier = "none";
    report.error = std::move(tried.error());
  }
  const int printed = print_result(arguments.json ? doctor_json(report) : doctor_text(report));
  return report.error ? kFailed : printed;
}

}  // namespace throttlelens
