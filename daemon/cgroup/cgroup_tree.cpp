// SPDX-License-Identifier: Apache-2.0
#include "cgroup/cgroup_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "cgroup/counters_text.h"
#include "files.h"
#include "limit_files.h"
#include "nodes.h"
#include "tree_scan.h"
#include "watch.h"

namespace throttlelens {
namespace {

Result<std::string> read_all(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::unexpected(os_error("open", path, errno));
  std::string text;
  std::array<char, 8192> buffer{};
  for (;;) {
    const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::unexpected(os_error("read", path, errno));
    if (size == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

Result<UniqueFd> open_root(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return std::unexpected(os_error("open the cgroup hierarchy", path, errno));
  return fd;
}

/// In a cgroup namespace a part looks like all; but only cgroups below the root of v2 have a type.
std::optional<Error> is_only_part(const CgroupHierarchies& found, int cpu) {
  const bool below = found.mode == CgroupMode::v2 && ::faccessat(cpu, "cgroup.type", F_OK, 0) == 0;
  if (found.part.empty() && !below) return std::nullopt;
  return Error{.what = "see all cgroups in",
               .on = found.cpu,
               .why = "what is mounted there is only the part " +
                      (found.part.empty() ? "this process is in" : "below " + found.part),
               .fix = "in a container, mount the node's /sys/fs/cgroup there, read-only"};
}

Error unknown(CgroupKey key) {
  return Error{.what = "read the counters of cgroup",
               .on = std::to_string(key.id),
               .code = ENOENT,
               .why = "it is not one of the known cgroups"};
}

}  // namespace

struct CgroupTree::Impl {
  Impl(CgroupMode how, UniqueFd cpu, UniqueFd usage, Watch watch, Nanoseconds rescan)
      : mode(how),
        files(nodes, std::move(cpu), std::move(usage)),
        scan(nodes, files, std::move(watch), how == CgroupMode::v2, rescan) {}

  Result<CpuStatText> read_stat(Node& node);

  CgroupMode mode;
  Nodes nodes;
  Files files;
  TreeScan scan;
  // What usage() read of a v2 cpu.stat, for the bandwidth() that follows at once: the file costs a
  // flush of the kernel's per-CPU statistics each time.
  std::optional<std::pair<CgroupKey, CpuStatText>> last_read;
  std::vector<Error> warnings;  ///< beside those of the scan
};

Result<CpuStatText> CgroupTree::Impl::read_stat(Node& node) {
  auto text = files.read_stat(node);
  if (!text) return std::unexpected(std::move(text.error()));
  auto stat = parse_cpu_stat(*text);
  if (!stat) {
    return std::unexpected(
        Error{.what = "understand cpu.stat of", .on = nodes.path(node), .code = EINVAL});
  }
  return *stat;
}

Result<std::unique_ptr<CgroupTree>> CgroupTree::open(const CgroupTreeOptions& options) {
  auto mountinfo = read_all(options.proc + "/self/mountinfo");
  if (!mountinfo) return std::unexpected(std::move(mountinfo.error()));
  const auto proc_cgroups = read_all(options.proc + "/cgroups");  // not on all kernels
  auto found = find_hierarchies(parse_mountinfo(*mountinfo), options.root,
                                proc_cgroups ? *proc_cgroups : std::string());
  if (!found) return std::unexpected(std::move(found.error()));

  auto cpu = open_root(found->cpu);
  if (!cpu) return std::unexpected(std::move(cpu.error()));
  UniqueFd usage;
  if (!found->usage.empty()) {
    auto opened = open_root(found->usage);
    if (!opened) return std::unexpected(std::move(opened.error()));
    usage = std::move(*opened);
  }
  auto watch = Watch::open(options.max_watches);
  if (!watch) return std::unexpected(std::move(watch.error()));
  auto partial = is_only_part(*found, cpu->get());
  auto impl = std::make_unique<Impl>(found->mode, std::move(*cpu), std::move(usage),
                                     std::move(*watch), options.rescan);
  if (partial) impl->warnings.push_back(std::move(*partial));
  return std::unique_ptr<CgroupTree>(new CgroupTree(std::move(impl)));
}

CgroupTree::CgroupTree(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CgroupTree::~CgroupTree() = default;

CgroupMode CgroupTree::mode() const {
  return impl_->mode;
}

int CgroupTree::notify_fd() const {
  return impl_->scan.fd();
}

Result<TreeChanges> CgroupTree::changes() {
  impl_->last_read.reset();
  return impl_->scan.changes();
}

std::vector<Error> CgroupTree::take_warnings() {
  auto warnings = std::exchange(impl_->warnings, {});
  std::ranges::move(impl_->scan.take_warnings(), std::back_inserter(warnings));
  return warnings;
}

Result<Nanoseconds> CgroupTree::usage(CgroupKey key) {
  impl_->last_read.reset();
  Node* node = impl_->nodes.find(key);
  if (node == nullptr) return std::unexpected(unknown(key));
  if (impl_->mode == CgroupMode::v2) {
    auto stat = impl_->read_stat(*node);
    if (!stat) return std::unexpected(std::move(stat.error()));
    const std::optional<Nanoseconds> usage = stat->usage;
    if (!usage) {
      return std::unexpected(Error{.what = "find usage_usec in cpu.stat of",
                                   .on = impl_->nodes.path(*node),
                                   .code = ENOENT});
    }
    impl_->last_read.emplace(key, *stat);
    return *usage;
  }
  auto text = impl_->files.read_use(*node);
  if (!text) return std::unexpected(std::move(text.error()));
  const auto used = parse_number(*text);
  if (!used || *used < 0) {
    return std::unexpected(Error{
        .what = "understand cpuacct.usage of", .on = impl_->nodes.path(*node), .code = EINVAL});
  }
  return Nanoseconds(*used);
}

Result<CpuWeight> CgroupTree::weight(CgroupKey key) {
  const Node* node = impl_->nodes.find(key);
  if (node == nullptr) return std::unexpected(unknown(key));
  auto dir = impl_->files.open_dir(*node);
  if (!dir) return std::unexpected(std::move(dir.error()));
  const bool v2 = impl_->mode == CgroupMode::v2;
  const char* file = v2 ? "cpu.weight" : "cpu.shares";
  auto text = impl_->files.read_once(dir->get(), file);
  if (!text) return std::unexpected(std::move(text.error()));
  const auto value = parse_number(*text);
  if (!value || *value < 0) {
    return std::unexpected(Error{.what = std::string("understand ") + file + " of",
                                 .on = impl_->nodes.path(*node),
                                 .code = EINVAL});
  }
  return CpuWeight{.scale = v2 ? CpuWeight::Scale::weight : CpuWeight::Scale::shares,
                   .value = static_cast<std::uint64_t>(*value)};
}

Result<std::vector<std::uint32_t>> CgroupTree::processes(CgroupKey key) {
  const Node* node = impl_->nodes.find(key);
  if (node == nullptr) return std::unexpected(unknown(key));
  auto dir = impl_->files.open_dir(*node);
  if (!dir) return std::unexpected(std::move(dir.error()));
  auto text = impl_->files.read_whole(dir->get(), "cgroup.procs");
  if (!text) return std::unexpected(std::move(text.error()));
  return parse_processes(*text);
}

std::optional<CgroupKey> CgroupTree::cgroup_of(std::string_view proc_cgroup) {
  const auto path = cpu_cgroup_path(proc_cgroup, impl_->mode == CgroupMode::v2);
  return path ? impl_->nodes.find_path(*path) : std::nullopt;
}

Result<Bandwidth> CgroupTree::bandwidth(CgroupKey key) {
  const auto last_read = std::exchange(impl_->last_read, std::nullopt);
  Node* node = impl_->nodes.find(key);
  if (node == nullptr) return std::unexpected(unknown(key));
  const auto none = [&] {
    return std::unexpected(Error{.what = "read the bandwidth of",
                                 .on = impl_->nodes.path(*node),
                                 .code = ENOENT,
                                 .why = "it has no bandwidth control"});
  };
  if (node->parent.id == 0) return none();
  if (!node->limit_known) {
    if (auto read = read_limit(impl_->nodes, impl_->files, *node, impl_->mode == CgroupMode::v2);
        !read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  if (!node->bandwidth) return none();
  CpuStatText stat;
  if (last_read && last_read->first == key) {
    stat = last_read->second;
  } else {
    auto read = impl_->read_stat(*node);
    if (!read) return std::unexpected(std::move(read.error()));
    stat = *read;
  }
  if (!stat.bandwidth) return none();
  stat.bandwidth->limit = node->limit;
  return *stat.bandwidth;
}

}  // namespace throttlelens
