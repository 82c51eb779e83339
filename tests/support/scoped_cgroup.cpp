// SPDX-License-Identifier: Apache-2.0
#include "scoped_cgroup.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace throttlelens::test {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what, const std::string& on, int code) {
  throw std::runtime_error(os_error(what, on, code).message());
}

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("open", path, errno);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.flush();
  if (!file) fail("write '" + text + "' to", path, errno);
}

const Result<CgroupHierarchies>& hierarchies() {
  static const Result<CgroupHierarchies> found = find_hierarchies(
      parse_mountinfo(slurp("/proc/self/mountinfo")), "/sys/fs/cgroup", std::string());
  return found;
}

const CgroupHierarchies& here() {
  if (!hierarchies()) throw std::runtime_error(hierarchies().error().message());
  return *hierarchies();
}

bool is_v2() {
  return here().mode == CgroupMode::v2;
}

std::string microseconds(Nanoseconds time) {
  return std::to_string(time.count() / 1000);
}

void make_dir(const std::string& dir) {
  if (::mkdir(dir.c_str(), 0755) != 0) fail("make the cgroup", dir, errno);
}

// A process that is ending keeps its cgroup busy for a moment; those still alive are moved out, to
// the root because a v2 parent with controllers takes none.
void remove_dir(const std::string& dir, const std::string& root) {
  for (int tries = 0; tries < 500; ++tries) {
    if (::rmdir(dir.c_str()) == 0 || errno == ENOENT) return;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(dir, ignored)) {
      if (entry.is_directory(ignored)) remove_dir(entry.path().string(), root);
    }
    std::ifstream procs(dir + "/cgroup.procs");
    for (std::string pid; std::getline(procs, pid);) {
      std::ofstream(root + "/cgroup.procs") << pid;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  fail("remove the cgroup", dir, EBUSY);
}

}  // namespace

std::string ScopedCgroup::unavailable() {
  if (!hierarchies()) return hierarchies().error().message();
  if (::access(here().cpu.c_str(), W_OK) != 0) return here().cpu + " is not writable";
  return {};
}

CgroupMode ScopedCgroup::mode() {
  return here().mode;
}
const std::string& ScopedCgroup::cpu_root() {
  return here().cpu;
}

ScopedCgroup::ScopedCgroup()
    : ScopedCgroup(
          [] {
            static std::atomic<int> number{0};
            return "/throttlelens-test-" + std::to_string(::getpid()) + "-" +
                   std::to_string(++number);
          }(),
          true) {}

ScopedCgroup::ScopedCgroup(std::string path, bool with_usage)
    : path_(std::move(path)), with_usage_(with_usage) {
  create();
}

ScopedCgroup::ScopedCgroup(ScopedCgroup&& other) noexcept
    : path_(std::exchange(other.path_, {})), with_usage_(other.with_usage_) {}

ScopedCgroup::~ScopedCgroup() {
  try {
    if (!path_.empty()) remove();
  } catch (const std::exception& error) {
    std::cerr << "a cgroup of a test may be left: " << error.what() << '\n';
  }
}

void ScopedCgroup::create() {
  if (is_v2()) {
    const std::string parent = fs::path(cpu_dir()).parent_path().string();
    put(parent + "/cgroup.subtree_control", "+cpu");
  }
  make_dir(cpu_dir());
  if (with_usage_ && usage_dir() != cpu_dir()) {
    try {
      make_dir(usage_dir());
    } catch (...) {
      ::rmdir(cpu_dir().c_str());
      throw;
    }
  }
}

void ScopedCgroup::remove() {
  remove_dir(cpu_dir(), here().cpu);
  if (usage_dir() != cpu_dir()) remove_dir(usage_dir(), here().usage);
}

ScopedCgroup ScopedCgroup::child(const std::string& name) {
  return {path_ + "/" + name, true};
}

ScopedCgroup ScopedCgroup::cpu_only_child(const std::string& name) {
  return {path_ + "/" + name, false};
}

std::string ScopedCgroup::cpu_dir() const {
  return here().cpu + path_;
}
std::string ScopedCgroup::usage_dir() const {
  return here().usage + path_;
}

CgroupKey ScopedCgroup::key() const {
  struct stat st{};
  if (::stat(cpu_dir().c_str(), &st) != 0) fail("look at", cpu_dir(), errno);
  return CgroupKey{st.st_ino};
}

bool ScopedCgroup::has_burst() const {
  const std::string file = cpu_dir() + (is_v2() ? "/cpu.max.burst" : "/cpu.cfs_burst_us");
  return ::access(file.c_str(), F_OK) == 0;
}

void ScopedCgroup::set_limit(const CpuLimit& limit) {
  const std::string dir = cpu_dir();
  const std::string burst = dir + (is_v2() ? "/cpu.max.burst" : "/cpu.cfs_burst_us");
  const bool may_burst = has_burst();
  if (!may_burst && limit.burst.count() > 0) fail("set a burst in", dir, ENOTSUP);
  if (may_burst) put(burst, "0");  // a burst above the new quota would refuse it
  if (is_v2()) {
    put(dir + "/cpu.max", microseconds(limit.quota) + " " + microseconds(limit.period));
  } else {
    put(dir + "/cpu.cfs_quota_us", "-1");
    put(dir + "/cpu.cfs_period_us", microseconds(limit.period));
    put(dir + "/cpu.cfs_quota_us", microseconds(limit.quota));
  }
  if (may_burst && limit.burst.count() > 0) put(burst, microseconds(limit.burst));
}

void ScopedCgroup::clear_limit() {
  put(cpu_dir() + (is_v2() ? "/cpu.max" : "/cpu.cfs_quota_us"), is_v2() ? "max" : "-1");
}

void ScopedCgroup::add_process(pid_t pid) {
  std::set<std::string> dirs{cpu_dir()};
  if (with_usage_) dirs.insert(usage_dir());
  for (const std::string& dir : dirs) put(dir + "/cgroup.procs", std::to_string(pid));
}

std::vector<pid_t> ScopedCgroup::processes() const {
  std::istringstream lines(slurp(cpu_dir() + "/cgroup.procs"));
  return {std::istream_iterator<pid_t>(lines), {}};
}

Nanoseconds ScopedCgroup::usage() const {
  if (!is_v2()) return Nanoseconds(std::stoll(slurp(usage_dir() + "/cpuacct.usage")));
  const auto used = stat_field("usage_usec");
  if (!used) fail("find usage_usec of", cpu_dir(), 0);
  return std::chrono::microseconds(*used);
}

std::string ScopedCgroup::stat_text() const {
  return slurp(cpu_dir() + "/cpu.stat");
}

std::optional<std::uint64_t> ScopedCgroup::stat_field(const std::string& name) const {
  std::istringstream lines(stat_text());
  std::string field;
  for (std::uint64_t value = 0; lines >> field >> value;) {
    if (field == name) return value;
  }
  return std::nullopt;
}

}  // namespace throttlelens::test
