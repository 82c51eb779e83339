// SPDX-License-Identifier: Apache-2.0
#include "served.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <vector>

namespace throttlelens::overhead {
namespace {

constexpr std::size_t kIdSize = 64;
constexpr std::size_t kLongestId = 255;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_full_id(std::string_view text) {
  return text.size() == kIdSize &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

// What containerd allows for an id; Docker, CRI-O and Podman make full ones.
bool is_id(std::string_view text) {
  const auto fits = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= kLongestId && text.front() != '-' && text.front() != '.' &&
         std::ranges::all_of(text, fits);
}

// Without the program: the path of k3s's shim has 64 hexadecimal digits in it. Without what has no
// end: it was cut.
std::vector<std::string_view> split(std::string_view arguments) {
  std::vector<std::string_view> out;
  for (std::size_t end = arguments.find('\0'); end != std::string_view::npos;
       end = arguments.find('\0')) {
    out.push_back(arguments.substr(0, end));
    arguments.remove_prefix(end + 1);
  }
  if (!out.empty()) out.erase(out.begin());
  return out;
}

// The value of "NAME V" or "NAME=V"; empty: there is none.
std::string_view option(const std::vector<std::string_view>& arguments,
                        std::initializer_list<std::string_view> names) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    for (const std::string_view name : names) {
      if (!arguments[i].starts_with(name)) continue;
      const std::string_view rest = arguments[i].substr(name.size());
      if (rest.starts_with('=')) return rest.substr(1);
      if (rest.empty() && i + 1 < arguments.size()) return arguments[i + 1];
    }
  }
  return {};
}

// The first directory in the path whose name is a full id.
std::string_view id_in_path(std::string_view path) {
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    if (is_full_id(name)) return name;
    path.remove_prefix(std::min(name.size() + 1, path.size()));
  }
  return {};
}

std::string_view of_shim(const std::vector<std::string_view>& arguments) {
  const std::string_view id = option(arguments, {"-id", "--id"});
  return id.empty() ? id_in_path(option(arguments, {"-workdir", "--workdir"})) : id;
}

std::string_view of_monitor(std::string_view comm, const std::vector<std::string_view>& arguments) {
  return comm == "conmonrs" ? id_in_path(option(arguments, {"--runtime-dir"}))
                            : option(arguments, {"-c", "--cid"});
}

std::string_view of_runtime(const std::vector<std::string_view>& arguments) {
  constexpr std::array<std::string_view, 17> kCommands{
      "checkpoint", "create", "delete",  "events", "exec", "features", "init",  "kill",  "list",
      "pause",      "ps",     "restore", "resume", "run",  "start",    "state", "update"};
  // Whose options have no values, so that the first argument that is none is the id.
  constexpr std::array<std::string_view, 6> kPlain{"delete", "kill",  "pause",
                                                   "resume", "start", "state"};
  const auto command = std::ranges::find_first_of(arguments, kCommands);
  if (command == arguments.end()) return {};
  // Not the last: the arguments of a program that is started in the container are its own.
  const auto full = std::find_if(command, arguments.end(), is_full_id);
  if (full != arguments.end()) return *full;
  if (std::ranges::find(kPlain, *command) == kPlain.end()) return {};
  const auto first = std::find_if(command + 1, arguments.end(),
                                  [](std::string_view one) { return !one.starts_with('-'); });
  return first == arguments.end() ? std::string_view() : *first;
}

}  // namespace

std::optional<std::string> served_container(ProcessKind kind, std::string_view comm,
                                            std::string_view arguments) {
  const std::vector<std::string_view> split_up = split(arguments);
  std::string_view id;
  switch (kind) {
    case ProcessKind::shim:
      id = of_shim(split_up);
      break;
    case ProcessKind::monitor:
      id = of_monitor(comm, split_up);
      break;
    case ProcessKind::helper:
      id = of_runtime(split_up);
      break;
    case ProcessKind::service:
      break;
  }
  if (!is_id(id)) return std::nullopt;
  return std::string(id);
}

}  // namespace throttlelens::overhead
