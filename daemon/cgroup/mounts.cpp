// SPDX-License-Identifier: Apache-2.0
#include "cgroup/mounts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

namespace throttlelens {
namespace {

std::string_view next_token(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view token = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return token;
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

// The kernel writes space, tab, newline and backslash of a path as \ooo.
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      const int byte = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      out.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::optional<CgroupMount> parse_line(std::string_view line) {
  // id parent major:minor root point options [optional fields...] - type source super-options
  std::array<std::string_view, 6> head;
  for (std::string_view& field : head) field = next_token(line, ' ');
  while (!line.empty() && next_token(line, ' ') != "-") {
  }
  const std::string_view type = next_token(line, ' ');
  if (type != "cgroup" && type != "cgroup2") return std::nullopt;
  next_token(line, ' ');
  CgroupMount mount;
  mount.point = unescape(head[4]);
  mount.root = unescape(head[3]);
  mount.v2 = type == "cgroup2";
  if (mount.point.empty() || mount.root.empty()) return std::nullopt;
  while (!mount.v2 && !line.empty()) mount.controllers.emplace_back(next_token(line, ','));
  return mount;
}

bool is_below(std::string_view point, std::string_view root) {
  while (root.ends_with('/')) root.remove_suffix(1);
  return point.starts_with(root) && (point.size() == root.size() || point[root.size()] == '/');
}

bool has(const CgroupMount& mount, std::string_view controller) {
  return std::ranges::find(mount.controllers, controller) != mount.controllers.end();
}

// The same hierarchy can be mounted more than once: prefer the one that shows most of it, then the
// shortest path; of two on one point the later hides the earlier.
template <typename Fits>
const CgroupMount* best(const std::vector<CgroupMount>& mounts, std::string_view root, Fits fits) {
  const CgroupMount* found = nullptr;
  for (const CgroupMount& mount : mounts) {
    if (!is_below(mount.point, root) || !fits(mount)) continue;
    if (found != nullptr && mount.point != found->point) {
      if (mount.root.size() > found->root.size()) continue;
      if (mount.root.size() == found->root.size() && mount.point.size() >= found->point.size()) {
        continue;
      }
    }
    found = &mount;
  }
  return found;
}

// Seen from a cgroup namespace, a root above its own is a path that goes up.
std::string part_of(const CgroupMount& mount) {
  return mount.root == "/" || mount.root.starts_with("/..") ? std::string() : mount.root;
}

bool cpu_is_in_v1(std::string_view proc_cgroups) {
  while (!proc_cgroups.empty()) {
    std::string_view line = next_token(proc_cgroups, '\n');
    if (next_token(line, '\t') == "cpu") return next_token(line, '\t') != "0";
  }
  return false;
}

}  // namespace

const char* to_string(CgroupMode mode) {
  switch (mode) {
    case CgroupMode::v1:
      return "v1";
    case CgroupMode::hybrid:
      return "hybrid";
    case CgroupMode::v2:
      return "v2";
  }
  return "unknown";
}

std::vector<CgroupMount> parse_mountinfo(std::string_view text) {
  std::vector<CgroupMount> mounts;
  while (!text.empty()) {
    if (auto mount = parse_line(next_token(text, '\n'))) mounts.push_back(std::move(*mount));
  }
  return mounts;
}

Result<CgroupHierarchies> find_hierarchies(const std::vector<CgroupMount>& mounts,
                                           std::string_view root, std::string_view proc_cgroups) {
  const CgroupMount* unified = best(mounts, root, [](const CgroupMount& m) { return m.v2; });
  const CgroupMount* cpu =
      best(mounts, root, [](const CgroupMount& m) { return !m.v2 && has(m, "cpu"); });
  if (cpu != nullptr) {
    // Another visible root would make the same relative path mean another cgroup.
    const CgroupMount* acct = best(mounts, root, [cpu](const CgroupMount& m) {
      return !m.v2 && has(m, "cpuacct") && m.root == cpu->root;
    });
    return CgroupHierarchies{.mode = unified != nullptr ? CgroupMode::hybrid : CgroupMode::v1,
                             .cpu = cpu->point,
                             .usage = acct != nullptr ? acct->point : std::string(),
                             .part = part_of(*cpu)};
  }
  if (unified != nullptr && !cpu_is_in_v1(proc_cgroups)) {
    return CgroupHierarchies{.mode = CgroupMode::v2,
                             .cpu = unified->point,
                             .usage = unified->point,
                             .part = part_of(*unified)};
  }
  return std::unexpected(Error{
      .what = "find the cgroup hierarchy with the cpu controller below",
      .on = std::string(root),
      .code = ENOENT,
      .why = unified != nullptr ? "the controller is in a v1 hierarchy that is not mounted here"
                                : "no cgroup hierarchy with it is mounted there",
      .fix = "mount it, or name the right directory as cgroup.root"});
}

}  // namespace throttlelens
