// SPDX-License-Identifier: Apache-2.0
#include "state_discovery.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

#include <fcntl.h>
#include <linux/limits.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "container_path.h"

namespace throttlelens::runtime {
namespace {

using Text = std::array<char, 16384>;

constexpr std::string_view kShim = "containerd-shim";  // the kernel cuts what comes after
constexpr std::string_view kTasks = "/io.containerd.runtime.v2.task/";

bool is_plain_path(std::string_view path) {
  return path.starts_with('/') && path.size() > 1 && path.size() < PATH_MAX &&
         path.find('\0') == std::string_view::npos && path.find("/../") == std::string_view::npos &&
         !path.ends_with("/..");
}

std::string_view next_argument(std::string_view& arguments) {
  const std::string_view argument = arguments.substr(0, arguments.find('\0'));
  arguments.remove_prefix(std::min(argument.size() + 1, arguments.size()));
  return argument;
}

// The value of "-x V", "--x V" or "--x=V".
std::string_view option(std::string_view arguments, std::string_view brief, std::string_view full) {
  while (!arguments.empty()) {
    const std::string_view argument = next_argument(arguments);
    if (argument == brief || argument == full) return next_argument(arguments);
    if (argument.starts_with(full) && argument.substr(full.size()).starts_with('=')) {
      return argument.substr(full.size() + 1);
    }
  }
  return {};
}

std::string_view directory_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::vector<StateDir> states_of_shim(std::string_view arguments, std::string_view directory) {
  std::vector<std::string> paths;
  const std::size_t tasks = directory.find(kTasks);
  if (tasks != std::string_view::npos) paths.emplace_back(directory.substr(0, tasks));
  const std::string_view beside = directory_of(option(arguments, "-address", "--address"));
  if (!beside.empty()) {
    paths.emplace_back(beside);
    paths.push_back(std::string(beside) + "/daemon");  // the containerd that dockerd starts
  }
  std::vector<StateDir> out;
  for (std::string& path : paths) {
    if (!is_plain_path(path)) continue;
    out.push_back({.layout = StateDir::Layout::containerd,
                   .runtime = "containerd",
                   .path = std::move(path),
                   .discovered = true});
  }
  return out;
}

std::vector<StateDir> states_of_conmon(std::string_view arguments) {
  // <state>/overlay-containers/<id>/userdata
  const std::string_view bundle = option(arguments, "-b", "--bundle");
  const std::string_view containers = directory_of(directory_of(bundle));
  if (!bundle.ends_with("/userdata") || !containers.ends_with("/overlay-containers")) return {};
  const std::string_view path = directory_of(containers);
  if (!is_plain_path(path)) return {};
  return {{.layout = StateDir::Layout::storage,
           .runtime = "podman",
           .path = std::string(path),
           .discovered = true}};
}

std::string_view read_text(int dir, const char* name, Text& text) {
  const UniqueFd fd(::openat(dir, name, O_RDONLY | O_CLOEXEC));
  const ssize_t size = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
  return {text.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
}

std::string_view status_line(std::string_view status, std::string_view label) {
  const std::size_t at = status.find(label);
  if (at == std::string_view::npos) return {};
  status.remove_prefix(at + label.size());
  return status.substr(0, status.find('\n'));
}

// By the user who started it. Not by the owner of its directory, which is root for a process that
// only refuses to be dumped.
bool is_trusted_user(std::string_view status) {
  const std::string_view users = status_line(status, "\nUid:\t");
  uid_t uid = 0;
  const auto parsed = std::from_chars(users.data(), users.data() + users.size(), uid);
  return parsed.ec == std::errc() && (uid == 0 || uid == ::geteuid());
}

// Containers whose cgroup does not look like one (ctr, LXC, systemd-nspawn) have this.
bool has_pid_namespace(std::string_view status) {
  return status_line(status, "\nNSpid:\t").contains('\t');
}

bool is_believed(int process) {
  Text text;
  const std::string_view status = read_text(process, "status", text);
  if (status.size() == text.size()) return false;  // cut: its groups come before what is looked for
  if (!is_trusted_user(status) || has_pid_namespace(status)) return false;
  const std::string_view cgroups = read_text(process, "cgroup", text);
  return cgroups.size() < text.size() && is_outside_containers(cgroups);
}

std::vector<StateDir> look_at(int proc, const std::string& pid) {
  Text text;
  std::string_view comm = read_text(proc, (pid + "/comm").c_str(), text);
  if (comm.ends_with('\n')) comm.remove_suffix(1);
  if (comm != kShim && comm != "conmon") return {};
  const std::string name(comm);
  // All from one process: its number may be another's the next moment.
  const UniqueFd process(::openat(proc, pid.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!process || !is_believed(process.get())) return {};
  Text directory;
  const ssize_t size = ::readlinkat(process.get(), "cwd", directory.data(), directory.size());
  const std::string_view cwd(directory.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  return states_of_process(name, read_text(process.get(), "cmdline", text), cwd);
}

// <hierarchy>:<controllers>:<path>
bool is_line_outside(std::string_view line) {
  const std::size_t colon = line.find(':', line.find(':') + 1);
  if (colon == std::string_view::npos) return false;
  const std::string_view path = line.substr(colon + 1);
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = path.find('/', end + 1);
    const auto container = parse_container_path(path.substr(0, end));
    if (container && !container->monitor) return false;
  }
  return true;
}

bool is_pid(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::vector<StateDir> states_of_process(std::string_view name, std::string_view arguments,
                                        std::string_view directory) {
  if (name.starts_with(kShim)) return states_of_shim(arguments, directory);
  if (name == "conmon") return states_of_conmon(arguments);
  return {};
}

bool is_outside_containers(std::string_view cgroups) {
  if (!cgroups.ends_with('\n')) return false;
  while (!cgroups.empty()) {
    const std::string_view line = cgroups.substr(0, cgroups.find('\n'));
    cgroups.remove_prefix(line.size() + 1);
    if (!is_line_outside(line)) return false;
  }
  return true;
}

std::vector<StateDir> StateDiscovery::step(MonoTime now) {
  constexpr Nanoseconds kEvery = std::chrono::seconds(10);
  constexpr int kAtATime = 256;
  if (!listing_) {
    if (now < next_) return {};
    next_ = now + kEvery;
    listing_.reset(::opendir(proc_.c_str()));
  }
  std::vector<StateDir> out;
  for (int looked = 0; listing_ && looked < kAtATime;) {
    const dirent* entry = ::readdir(listing_.get());
    if (entry == nullptr) {
      listing_.reset();
      break;
    }
    if (!is_pid(entry->d_name)) continue;
    ++looked;
    for (StateDir& state : look_at(::dirfd(listing_.get()), entry->d_name)) {
      if (std::ranges::find(out, state) == out.end()) out.push_back(std::move(state));
    }
  }
  return out;
}

}  // namespace throttlelens::runtime
