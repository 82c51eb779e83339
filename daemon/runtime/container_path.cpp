// SPDX-License-Identifier: Apache-2.0
#include "container_path.h"

#include <algorithm>
#include <array>

namespace throttlelens::runtime {
namespace {

constexpr std::size_t kIdSize = 64;
constexpr std::size_t kLongestUid = 64;
constexpr std::string_view kKubepods = "kubepods";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_alphanumeric(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_id(std::string_view text) {
  return text.size() == kIdSize &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

// Takes the last component off the path.
std::string_view take_last(std::string_view& path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  return last;
}

struct Prefix {
  std::string_view text;
  std::string_view runtime;
  bool needs_scope;  ///< without ".scope" it is not known to be a container
};
constexpr std::array kPrefixes{
    Prefix{.text = "cri-containerd", .runtime = "containerd", .needs_scope = true},
    Prefix{.text = "nerdctl", .runtime = "containerd", .needs_scope = true},
    Prefix{.text = "docker", .runtime = "docker", .needs_scope = true},
    Prefix{.text = "crio", .runtime = "crio", .needs_scope = false},
    Prefix{.text = "crio-conmon", .runtime = "crio", .needs_scope = false},
    Prefix{.text = "libpod", .runtime = "podman", .needs_scope = false},
    Prefix{.text = "libpod-conmon", .runtime = "podman", .needs_scope = false},
    Prefix{.text = "libpod-payload", .runtime = "podman", .needs_scope = false},
};

bool read_prefix(std::string_view prefix, bool scope, ContainerPath& out) {
  out.monitor = prefix.ends_with("-conmon");
  for (const Prefix& known : kPrefixes) {
    if (prefix != known.text) continue;
    out.runtime = known.runtime;
    return scope || !known.needs_scope;
  }
  return scope;
}

bool read_uid(std::string_view text, char dash, ContainerPath& out) {
  const auto fits = [dash](char c) { return is_alphanumeric(c) || c == dash || c == '.'; };
  if (text.empty() || text.size() > kLongestUid || !std::ranges::all_of(text, fits)) return false;
  out.pod = text;
  std::ranges::replace(out.pod, dash, '-');
  out.kubernetes = true;
  return true;
}

// [kubelet-]kubepods[-burstable|-besteffort]-pod<uid, "-" as "_">
void read_kubernetes_slice(std::string_view unit, ContainerPath& out) {
  const std::size_t at = unit.find(kKubepods);
  if (at == std::string_view::npos || (at != 0 && unit[at - 1] != '-')) return;
  unit.remove_prefix(at + kKubepods.size());
  std::string_view qos = "guaranteed";
  if (take_prefix(unit, "-burstable")) {
    qos = "burstable";
  } else if (take_prefix(unit, "-besteffort")) {
    qos = "besteffort";
  }
  if (take_prefix(unit, "-pod") && read_uid(unit, '_', out)) out.qos = qos;
}

void read_slice(std::string_view unit, ContainerPath& out) {
  read_kubernetes_slice(unit, out);
  constexpr std::string_view kPodman = "libpod_pod_";
  const std::size_t at = unit.rfind(kPodman);
  if (!out.kubernetes && at != std::string_view::npos && is_id(unit.substr(at + kPodman.size()))) {
    out.pod = unit.substr(at + kPodman.size());
  }
}

// kubepods[/burstable|/besteffort]/pod<uid>
void read_directories(std::string_view pod, std::string_view above, ContainerPath& out) {
  std::string_view level = take_last(above);
  if (is_id(pod) && level == "libpod_parent") {
    out.pod = pod;
    return;
  }
  std::string_view qos = "guaranteed";
  if (level == "burstable" || level == "besteffort") {
    qos = level;
    level = take_last(above);
  }
  if (level == kKubepods && take_prefix(pod, "pod") && read_uid(pod, '-', out)) out.qos = qos;
}

void read_parent(std::string_view parent_path, ContainerPath& out) {
  std::string_view above = parent_path;
  std::string_view parent = take_last(above);
  if (take_suffix(parent, ".slice")) {
    read_slice(parent, out);
  } else {
    read_directories(parent, above, out);
  }
  out.in_pod_cgroup = !out.pod.empty();
}

}  // namespace

std::optional<ContainerPath> parse_container_path(std::string_view path) {
  std::string_view parent = path;
  std::string_view name = take_last(parent);
  const bool scope = take_suffix(name, ".scope");
  if (name.size() < kIdSize || !is_id(name.substr(name.size() - kIdSize))) return std::nullopt;
  ContainerPath out;
  out.id = name.substr(name.size() - kIdSize);
  name.remove_suffix(kIdSize);
  if (name.empty()) {
    // Right below libpod_parent it is a Podman pod.
    std::string_view above = parent;
    if (take_last(above) == "libpod_parent") return std::nullopt;
    read_parent(parent, out);
    return out;
  }
  if (take_suffix(name, ":")) {
    // <slice>:<prefix>:<id>: what the systemd driver is told, taken by the other one as a name.
    const std::size_t colon = name.find(':');
    std::string_view slice = colon == std::string_view::npos ? "" : name.substr(0, colon);
    read_prefix(colon == std::string_view::npos ? name : name.substr(colon + 1), true, out);
    if (take_suffix(slice, ".slice")) read_slice(slice, out);
    return out;
  }
  if (!take_suffix(name, "-") || !read_prefix(name, scope, out)) return std::nullopt;
  read_parent(parent, out);
  return out;
}

std::optional<NamedContainer> parse_named_container(std::string_view path) {
  NamedContainer out;
  out.id = take_last(path);
  out.space = take_last(path);
  if (!is_safe_name(out.id) || !is_safe_name(out.space)) return std::nullopt;
  return out;
}

bool is_safe_name(std::string_view name) {
  constexpr std::size_t kLongest = 255;
  const auto fits = [](char c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '.'; };
  return !name.empty() && name.size() <= kLongest && name != "." && name != ".." &&
         std::ranges::all_of(name, fits);
}

}  // namespace throttlelens::runtime
