// SPDX-License-Identifier: Apache-2.0
#include "values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "base/duration.h"
#include "nearest.h"

namespace throttlelens::config {
namespace {

using Kind = YamlNode::Kind;

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "a single value";
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a map of keys";
    case Kind::nothing:
    case Kind::refused:
      break;
  }
  return "nothing";
}

// What YAML takes for something other than text when it is not in quotes.
bool is_other_than_text(const YamlNode& node) {
  if (node.quoted || node.text.empty()) return false;
  constexpr std::array kBooleans{"true", "True", "TRUE", "false", "False", "FALSE"};
  if (std::ranges::find(kBooleans, node.text) != kBooleans.end()) return true;
  double number = 0;
  const char* const end = node.text.data() + node.text.size();
  const auto parsed = std::from_chars(node.text.data(), end, number);
  return parsed.ec != std::errc::invalid_argument && parsed.ptr == end;
}

/// "" is not a path; a NUL would cut the path short in a system call.
std::string path_fault(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return "contains a NUL character; remove it";
  if (!path.starts_with('/')) return R"(is not an absolute path; start it with "/")";
  return {};
}

std::string glob_fault(std::string_view glob) {
  if (glob.find('\0') != std::string_view::npos) return "contains a NUL character; remove it";
  constexpr std::string_view kMatchesSlash = "/*?[\\";  // as a first character
  if (glob.empty() || !kMatchesSlash.contains(glob.front())) {
    return R"(matches no cgroup; cgroup paths start with "/", as in "/system.slice/*")";
  }
  return {};
}

std::string metric_glob_fault(std::string_view glob) {
  constexpr std::string_view kUsable =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:*?[]!-";
  if (glob.empty() || glob.find_first_not_of(kUsable) != std::string_view::npos) {
    return R"(matches no metric; names are letters, digits and "_", as in "throttlelens_cgroup_*")";
  }
  return {};
}

void read_list(const Entry& entry, std::string (*fault)(std::string_view),
               std::vector<std::string>& out, Problems& problems) {
  const auto items = items_of(entry, problems);
  if (!items) return;
  std::vector<std::string> read;
  for (const auto& item : *items) {
    const auto text = scalar_of(item, problems);
    if (!text) continue;
    const std::string message = fault(*text);
    if (message.empty()) {
      read.push_back(*text);
    } else {
      problems.add(place_of(item), item.name + ": " + quoted(*text) + " " + message);
    }
  }
  out = std::move(read);
}

}  // namespace

Place place_of(const Entry& entry) {
  return entry.value->kind == Kind::nothing ? entry.key : entry.value->place;
}

std::optional<std::string> scalar_of(const Entry& entry, Problems& problems) {
  const YamlNode& value = *entry.value;
  if (value.kind == Kind::text) return value.text;
  if (value.kind == Kind::nothing) {
    problems.add(entry.key, entry.name + " has no value; write one, or remove it");
  } else if (value.kind != Kind::refused) {
    problems.add(value.place,
                 entry.name + " must be a single value, not " + std::string(kind_name(value.kind)));
  }
  return std::nullopt;
}

std::optional<Nanoseconds> duration_of(const Entry& entry, Problems& problems) {
  const auto text = scalar_of(entry, problems);
  if (!text) return std::nullopt;
  const auto duration = parse_duration(*text);
  if (duration) return *duration;
  problems.add(place_of(entry), entry.name + ": " + quoted(*text) + " " + duration.error());
  return std::nullopt;
}

std::optional<std::vector<Entry>> items_of(const Entry& entry, Problems& problems) {
  const YamlNode& value = *entry.value;
  if (value.kind == Kind::list) {
    std::vector<Entry> items;
    for (const auto& item : value.items) {
      const auto number = std::to_string(items.size() + 1);
      // The parser does not say where an item is that has no value, so it counts as at the list.
      items.push_back(
          {.name = "item " + number + " of " + entry.name, .key = value.place, .value = &item});
    }
    return items;
  }
  if (value.kind == Kind::nothing) {
    problems.add(entry.key, entry.name + " has no value; write [] for an empty list, or remove it");
  } else if (value.kind != Kind::refused) {
    problems.add(value.place, entry.name + " must be a list, not " +
                                  std::string(kind_name(value.kind)) +
                                  "; write [ITEM, ITEM] or one \"- ITEM\" a line");
  }
  return std::nullopt;
}

void read_text(const Entry& entry, std::string& out, Problems& problems) {
  auto text = scalar_of(entry, problems);
  if (!text) return;
  if (is_other_than_text(*entry.value)) {
    problems.add(place_of(entry), entry.name + " must be text, not a number or boolean; put " +
                                      *text + " in quotes if it is meant");
  } else if (text->find('\0') != std::string::npos) {
    problems.add(place_of(entry),
                 entry.name + ": " + quoted(*text) + " contains a NUL character; remove it");
  } else {
    out = std::move(*text);
  }
}

void read_listen(const Entry& entry, std::string& out, Problems& problems) {
  auto text = scalar_of(entry, problems);
  if (!text) return;
  if (const auto problem = listen_problem(*text)) {
    problems.add(place_of(entry), entry.name + ": " + quoted(*text) + " " + *problem);
  } else {
    out = std::move(*text);
  }
}

void read_path(const Entry& entry, std::string& out, Problems& problems) {
  auto text = scalar_of(entry, problems);
  if (!text) return;
  const std::string message = path_fault(*text);
  if (message.empty()) {
    out = std::move(*text);
  } else {
    problems.add(place_of(entry), entry.name + ": " + quoted(*text) + " " + message);
  }
}

void read_paths(const Entry& entry, std::vector<std::string>& out, Problems& problems) {
  read_list(entry, path_fault, out, problems);
}

void read_globs(const Entry& entry, std::vector<std::string>& out, Problems& problems) {
  read_list(entry, glob_fault, out, problems);
}

void read_metric_globs(const Entry& entry, std::vector<std::string>& out, Problems& problems) {
  read_list(entry, metric_glob_fault, out, problems);
}

void read_count(const Entry& entry, std::uint32_t least, std::uint32_t most, std::uint32_t& out,
                Problems& problems) {
  const auto text = scalar_of(entry, problems);
  if (!text) return;
  const std::string range =
      most == std::numeric_limits<std::uint32_t>::max()
          ? " must be a whole number of at least " + std::to_string(least)
          : " must be a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  const auto refuse = [&](std::string_view why) {
    problems.add(place_of(entry), entry.name + range + ", not " + std::string(why));
  };
  if (entry.value->quoted) return refuse("text; remove the quotes");
  // "010" is eight in one version of YAML and ten in another.
  const bool ambiguous = text->size() > 1 && text->starts_with('0');
  std::uint32_t count = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, count);
  if (parsed.ec == std::errc{} && parsed.ptr == end && !ambiguous && count >= least &&
      count <= most) {
    out = count;
    return;
  }
  refuse(quoted(*text));
}

void read_duration(const Entry& entry, Nanoseconds least, Nanoseconds most, Nanoseconds& out,
                   Problems& problems) {
  const auto duration = duration_of(entry, problems);
  if (!duration) return;
  if (*duration >= least && *duration <= most) {
    out = *duration;
    return;
  }
  problems.add(place_of(entry), entry.name + ": " + quoted(entry.value->text) +
                                    " is out of range; use " + duration_text(least) + " to " +
                                    duration_text(most));
}

void refuse_choice(const Entry& entry, std::string_view given,
                   const std::vector<std::string_view>& words, Problems& problems) {
  std::string message = entry.name + ": unknown value " + quoted(given);
  message += "; valid values are " + listed(words);
  const auto near = nearest(given, words);
  if (!near.empty()) message += "; did you mean " + quoted(near) + "?";
  problems.add(place_of(entry), std::move(message));
}

}  // namespace throttlelens::config
