// SPDX-License-Identifier: Apache-2.0
#include "kernel_waits.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include <bpf/btf.h>
#include <catch2/catch.hpp>
#include <unistd.h>

#include "truth.h"

namespace throttlelens::test {

namespace {

constexpr const char* kCpuOnline = "/sys/devices/system/cpu/cpu1/online";

// v2 tells microseconds under another name than v1 its nanoseconds.
std::optional<Nanoseconds> throttled_in(const std::string& file) {
  std::ifstream lines(file);
  std::string field;
  for (std::int64_t value = 0; lines >> field >> value;) {
    if (field == "throttled_time") return Nanoseconds(value);
    if (field == "throttled_usec") return std::chrono::microseconds(value);
  }
  return std::nullopt;
}

bool write_online(const char* value) {
  std::ofstream file(kCpuOnline);
  file << value << std::flush;
  return file.good();
}

}  // namespace

ThreadTimes thread_times(const ScopedCgroup& group) {
  ThreadTimes sum;
  for (const pid_t pid : group.processes()) {
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      std::ifstream file(task.path() / "schedstat");
      std::int64_t cpu = 0;
      std::int64_t run_delay = 0;
      REQUIRE(file >> cpu >> run_delay);
      sum.cpu += Nanoseconds(cpu);
      sum.run_delay += Nanoseconds(run_delay);
      ++sum.threads;
    }
  }
  return sum;
}

Nanoseconds kernel_throttled(const ScopedCgroup& group) {
  const auto found = throttled_in(group.cpu_dir() + "/cpu.stat");
  REQUIRE(found);
  return *found;
}

std::optional<Nanoseconds> kernel_throttled_local(const ScopedCgroup& group) {
  return throttled_in(group.cpu_dir() + "/cpu.stat.local");
}

void set_weight(const ScopedCgroup& group, unsigned weight) {
  const bool v2 = ScopedCgroup::mode() == CgroupMode::v2;
  std::ofstream file(group.cpu_dir() + (v2 ? "/cpu.weight" : "/cpu.shares"));
  file << (v2 ? weight : weight * 1024 / 100) << std::flush;
  REQUIRE(file.good());
}

namespace {

bool kernel_has_field(const char* structure, std::initializer_list<std::string_view> names) {
  const std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_vmlinux_btf(), &btf__free);
  REQUIRE(types);
  const auto id = btf__find_by_name_kind(types.get(), structure, BTF_KIND_STRUCT);
  REQUIRE(id > 0);
  const btf_type* type = btf__type_by_id(types.get(), static_cast<__u32>(id));
  return std::ranges::any_of(
      std::span(btf_members(type), btf_vlen(type)), [&](const btf_member& field) {
        const std::string_view name = btf__name_by_offset(types.get(), field.name_off);
        return std::ranges::find(names, name) != names.end();
      });
}

}  // namespace

bool kernel_has_lost_time() {
  return kernel_has_field("rq", {"prev_irq_time", "prev_steal_time_rq"});
}

bool kernel_stops_threads() {
  static const bool value = kernel_has_field("task_struct", {"throttled"});
  return value;
}

std::string cannot_unplug_cpu() {
  if (!emulated()) return "not in a guest of our own";
  if (::access(kCpuOnline, W_OK) != 0) return std::string(kCpuOnline) + " is not writable";
  return {};
}

UnpluggedCpu::UnpluggedCpu() {
  REQUIRE(cannot_unplug_cpu().empty());
  REQUIRE(write_online("0"));
}

UnpluggedCpu::~UnpluggedCpu() {
  for (int tries = 0; tries < 50 && !write_online("1"); ++tries) ::usleep(20'000);
}

}  // namespace throttlelens::test
