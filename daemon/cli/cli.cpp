// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

#include <string>
#include <variant>

#include "cli/arguments.h"
#include "commands.h"
#include "config/config.h"
#include "console.h"
#include "export/catalogue.h"
#include "probe/libbpf_version.h"
#include "process_setup.h"
#include "version.h"
#include "web_security.h"

namespace throttlelens {

int check_config_command(const CheckConfigArguments& arguments) {
  const auto config = load_config(arguments.file);
  if (!config) return complain(config.error());
  std::string valid = arguments.file + ": valid\n";
  if (!config->web_config_file.empty()) {
    const auto problems = web_config_problems(config->web_config_file);
    if (!problems.empty()) return complain(problems);
    valid += config->web_config_file + ": valid\n";
  }
  return print_result(valid);
}

int metrics_command(const MetricsArguments& arguments) {
  std::string text = arguments.json ? catalogue_json() : catalogue_markdown();
  if (!text.ends_with('\n')) text += '\n';
  return print_result(text);
}

int version_command(const VersionArguments&) {
  const VersionInfo info = version_info();
  return print_result("throttlelens " + info.version + "\ncommit:     " + info.commit +
                      "\nlibbpf:     " + libbpf_version() + "\ncompiler:   " + info.compiler +
                      "\nbuild:      " + info.build_type + "\nsanitizers: " +
                      (info.sanitizers.empty() ? "none" : info.sanitizers) + "\n");
}

namespace {

struct Dispatch {
  int operator()(const RunArguments& a) const { return run_command(a); }
  int operator()(const SnapshotArguments& a) const { return snapshot_command(a); }
  int operator()(const TopArguments& a) const { return top_command(a); }
  int operator()(const DoctorArguments& a) const { return doctor_command(a); }
  int operator()(const CheckConfigArguments& a) const { return check_config_command(a); }
  int operator()(const MetricsArguments& a) const { return metrics_command(a); }
  int operator()(const VersionArguments& a) const { return version_command(a); }
};

}  // namespace

int run_cli(int argc, const char* const* argv) {
  ignore_broken_pipes();
  const auto arguments = parse_arguments(argc, argv);
  if (arguments) return std::visit(Dispatch{}, *arguments);
  const UsageAnswer& answer = arguments.error();
  if (answer.exit_code == 0) return print_result(answer.text);
  complain(answer.text);
  return answer.exit_code;
}

}  // namespace throttlelens
