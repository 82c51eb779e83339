// SPDX-License-Identifier: Apache-2.0
// Decisions on health, source and the doctor's verdict.
#include <catch2/catch.hpp>

#include "cli/doctor_report.h"
#include "cli/health.h"
#include "cli/source_choice.h"

using namespace throttlelens;
using namespace std::chrono_literals;

TEST_CASE("a silent sampler is dead after five seconds, and alive again at the next beat") {
  Health health(MonoTime{100s}, 100ms);
  CHECK(health.dead_because(MonoTime{105s}).empty());
  CHECK_THAT(health.dead_because(MonoTime{107s}), Catch::Contains("7 s"));
  health.beat(MonoTime{108s});
  CHECK(health.dead_because(MonoTime{109s}).empty());
}

TEST_CASE("long windows get a longer patience") {
  const Health health(MonoTime{0s}, 10s);
  CHECK(health.dead_because(MonoTime{30s}).empty());
  CHECK_FALSE(health.dead_because(MonoTime{31s}).empty());
}

TEST_CASE("ready comes once") {
  Health health(MonoTime{0s}, 100ms);
  CHECK_THAT(health.unready_because(), Catch::Contains("first window"));
  health.set_ready();
  CHECK(health.unready_because().empty());
}

TEST_CASE("the configured mode meets what the machine offers") {
  const ProbePlan possible{.bpf = true, .reason = {}};
  const ProbePlan impossible{.bpf = false, .reason = "no kernel BTF"};

  const auto best = choose_source(ProbeMode::automatic, possible);
  REQUIRE(best);
  CHECK(best->try_bpf);
  CHECK(best->may_fall_back);

  const auto fallback = choose_source(ProbeMode::automatic, impossible);
  REQUIRE(fallback);
  CHECK_FALSE(fallback->try_bpf);
  CHECK(fallback->reason == "no kernel BTF");

  const auto forced = choose_source(ProbeMode::cpustat, possible);
  REQUIRE(forced);
  CHECK_FALSE(forced->try_bpf);
  CHECK_FALSE(forced->reason.empty());

  const auto demanded = choose_source(ProbeMode::bpf, possible);
  REQUIRE(demanded);
  CHECK(demanded->try_bpf);
  CHECK_FALSE(demanded->may_fall_back);

  const auto refused = choose_source(ProbeMode::bpf, impossible);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message(),
             Catch::Contains("no kernel BTF") && Catch::Contains("cpustat"));
}

namespace {

DoctorReport report() {
  DoctorReport report;
  report.version = "1.2.3";
  report.features = {.kernel = "6.1.0",
                     .machine = "x86_64",
                     .cpus_possible = 4,
                     .list = {{.name = "kernel BTF",
                               .present = false,
                               .required = true,
                               .detail = "no /sys/kernel/btf/vmlinux",
                               .fix = "use a kernel with CONFIG_DEBUG_INFO_BTF"},
                              {.name = "CAP_BPF",
                               .present = true,
                               .required = true,
                               .detail = "effective",
                               .fix = {}}}};
  report.tier = "cpustat";
  report.reason = "kernel BTF is missing";
  report.cgroup_root = "/sys/fs/cgroup";
  report.cgroup_mode = "v2";
  report.cgroups = 17;
  report.state_directories = {
      {.runtime = "containerd", .path = "/run/containerd", .state = StateDirectory::State::found}};
  return report;
}

}  // namespace

TEST_CASE("the doctor says what is missing, how to get it, and what follows") {
  const std::string text = doctor_text(report());
  CHECK_THAT(text, Catch::Contains("Tier: cpustat") && Catch::Contains("kernel BTF is missing") &&
                       Catch::Contains("MISSING") && Catch::Contains("CONFIG_DEBUG_INFO_BTF") &&
                       Catch::Contains("17") && Catch::Contains("/run/containerd"));
}

TEST_CASE("the doctor counts containers, and says how those without a name would get one") {
  DoctorReport some = report();
  some.named_containers = 12;
  CHECK_THAT(doctor_text(some), Catch::Contains("12 containers named\n"));
  some.unnamed_containers = 3;
  CHECK_THAT(doctor_text(some), Catch::Contains("12 containers named, 3 known by id only") &&
                                    Catch::Contains("`runtimes`"));
  CHECK_THAT(doctor_json(some), Catch::Contains("\"unnamed\": 3"));
}

TEST_CASE("the doctor's report keeps hostile bytes away from terminal and JSON") {
  DoctorReport hostile = report();
  hostile.state_directories[0].path = "/x\x1b[2J\xff";
  hostile.tier = "none";
  hostile.error = Error{.what = "read", .on = "a\nb", .code = 0};
  const std::string text = doctor_text(hostile);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK_THAT(text, Catch::Contains("cannot work here") && Catch::Contains("a\\x0ab"));
  const std::string json = doctor_json(hostile);
  CHECK(json.find('\x1b') == std::string::npos);
  CHECK_THAT(json, Catch::Contains("\"works\": false"));
}
