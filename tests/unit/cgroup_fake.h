// SPDX-License-Identifier: Apache-2.0
// Directories that look like cgroupfs: what real cgroups refuse (newlines, links) or a test must
// not do (use up the watches of a machine) is tried on them.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup/cgroup_tree.h"

namespace throttlelens::test {

namespace fs = std::filesystem;

inline void put(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

class FakeCgroupfs {
 public:
  explicit FakeCgroupfs(CgroupMode mode) : mode_(mode) {
    std::string pattern = (fs::temp_directory_path() / "throttlelens-tree-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    dir_ = pattern;
    fs::create_directories(dir_ / "proc/self");
    std::string mounts;
    const auto mount = [&](const char* name, const std::string& type) {
      fs::create_directories(dir_ / "cg" / name);
      mounts += "1 1 0:1 / " + (dir_ / "cg" / name).string() + " rw - " + type + "\n";
    };
    if (mode == CgroupMode::v2) {
      mount("all", "cgroup2 none rw");
    } else {
      mount("cpu", "cgroup none rw,cpu");
      mount("acct", "cgroup none rw,cpuacct");
      if (mode == CgroupMode::hybrid) mount("unified", "cgroup2 none rw");
    }
    put(dir_ / "proc/self/mountinfo", mounts);
    files("");
  }
  ~FakeCgroupfs() {
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  FakeCgroupfs(const FakeCgroupfs&) = delete;
  FakeCgroupfs& operator=(const FakeCgroupfs&) = delete;

  CgroupTreeOptions options() const {
    CgroupTreeOptions options;
    options.root = (dir_ / "cg").string();
    options.proc = (dir_ / "proc").string();
    return options;
  }
  fs::path cpu(const std::string& path) const {
    return dir_ / "cg" / (mode_ == CgroupMode::v2 ? "all" : "cpu") / path;
  }
  fs::path acct(const std::string& path) const { return dir_ / "cg/acct" / path; }
  CgroupKey key(const std::string& path) const {
    struct stat st{};
    REQUIRE(::stat(cpu(path).c_str(), &st) == 0);
    return CgroupKey{st.st_ino};
  }
  void make(const std::string& path) {
    fs::create_directories(cpu(path));
    files(path);
  }
  // Renamed away first, so that its inode is not at once given to the next directory.
  void drop(const std::string& path) {
    fs::rename(cpu(path), dir_ / ("dropped" + std::to_string(++dropped_)));
    if (mode_ != CgroupMode::v2) fs::remove_all(acct(path));
  }

 private:
  void files(const std::string& path) {
    if (mode_ == CgroupMode::v2) {
      put(cpu(path) / "cpu.stat", "usage_usec 5\nnr_periods 4\nnr_throttled 3\nthrottled_usec 2\n");
      if (!path.empty()) put(cpu(path) / "cpu.max", "max 100000\n");
      return;
    }
    fs::create_directories(acct(path));
    put(acct(path) / "cpuacct.usage", "5000\n");
    put(cpu(path) / "cpu.stat", "nr_periods 4\nnr_throttled 3\nthrottled_time 2000\n");
    put(cpu(path) / "cpu.cfs_quota_us", "-1\n");
    put(cpu(path) / "cpu.cfs_period_us", "100000\n");
  }

  CgroupMode mode_;
  fs::path dir_;
  int dropped_ = 0;
};

inline std::unique_ptr<CgroupTree> open(const CgroupTreeOptions& options) {
  auto tree = CgroupTree::open(options);
  REQUIRE(tree);
  return std::move(*tree);
}

inline TreeChanges look(CgroupTree& tree) {
  auto changes = tree.changes();
  REQUIRE(changes);
  return std::move(*changes);
}

inline std::vector<std::string> paths(const TreeChanges& changes) {
  std::vector<std::string> out;
  for (const CgroupNode& node : changes.appeared) out.push_back(node.path);
  return out;
}

inline bool readable(int fd, int milliseconds) {
  pollfd poll{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&poll, 1, milliseconds) == 1;
}

inline int watches_of_this_process() {
  int watches = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fdinfo")) {
    std::ifstream info(entry.path());
    for (std::string line; std::getline(info, line);) watches += line.starts_with("inotify wd:");
  }
  return watches;
}

inline void check_parents_first(const TreeChanges& changes) {
  std::set<std::uint64_t> seen{0};
  for (const CgroupNode& node : changes.appeared) {
    CHECK(seen.contains(node.parent.id));
    seen.insert(node.key.id);
  }
}

}  // namespace throttlelens::test
