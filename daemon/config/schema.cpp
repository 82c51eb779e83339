// SPDX-License-Identifier: Apache-2.0
#include "schema.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "map_keys.h"
#include "nearest.h"
#include "values.h"
#include "windows.h"

namespace throttlelens::config {
namespace {

using Kind = YamlNode::Kind;

struct Draft {
  Config config;
  WindowEntries windows;
};

constexpr Choice<ProbeMode> kModes[] = {
    {"auto", ProbeMode::automatic}, {"bpf", ProbeMode::bpf}, {"cpustat", ProbeMode::cpustat}};
constexpr Choice<LogLevel> kLevels[] = {{"trace", LogLevel::trace}, {"debug", LogLevel::debug},
                                        {"info", LogLevel::info},   {"warning", LogLevel::warning},
                                        {"error", LogLevel::error}, {"off", LogLevel::off}};
constexpr Choice<LogFormat> kFormats[] = {{"text", LogFormat::text}, {"json", LogFormat::json}};

using E = const Entry&;
using P = Problems&;

using Key = SchemaKey<Draft>;

constexpr std::array kKeys{
    Key{"", "listen", [](E e, Draft& d, P p) { read_listen(e, d.config.listen, p); }},
    Key{"", "web_config_file",
        [](E e, Draft& d, P p) { read_text(e, d.config.web_config_file, p); }},
    Key{"windows", "base", [](E e, Draft& d, P) { d.windows.base = e; }},
    Key{"windows", "reported", [](E e, Draft& d, P) { d.windows.reported = e; }},
    Key{"windows", "history", [](E e, Draft& d, P) { d.windows.history = e; }},
    Key{"probe", "mode",
        [](E e, Draft& d, P p) { read_choice(e, kModes, d.config.probe.mode, p); }},
    Key{"cgroup", "root", [](E e, Draft& d, P p) { read_path(e, d.config.cgroup.root, p); }},
    Key{"cgroup", "include", [](E e, Draft& d, P p) { read_globs(e, d.config.cgroup.include, p); }},
    Key{"cgroup", "exclude", [](E e, Draft& d, P p) { read_globs(e, d.config.cgroup.exclude, p); }},
    Key{"runtimes", "containerd",
        [](E e, Draft& d, P p) { read_paths(e, d.config.runtimes.containerd, p); }},
    Key{"runtimes", "crio", [](E e, Draft& d, P p) { read_paths(e, d.config.runtimes.crio, p); }},
    Key{"runtimes", "docker",
        [](E e, Draft& d, P p) { read_paths(e, d.config.runtimes.docker, p); }},
    Key{"runtimes", "podman",
        [](E e, Draft& d, P p) { read_paths(e, d.config.runtimes.podman, p); }},
    Key{"metrics", "exclude",
        [](E e, Draft& d, P p) { read_metric_globs(e, d.config.metrics.exclude, p); }},
    Key{"limits", "max_cgroups",
        [](E e, Draft& d, P p) { read_count(e, 16, 65535, d.config.limits.max_cgroups, p); }},
    Key{"limits", "max_series",
        [](E e, Draft& d, P p) {
          read_count(e, 100, std::numeric_limits<std::uint32_t>::max(), d.config.limits.max_series,
                     p);
        }},
    Key{"limits", "keep_ended",
        [](E e, Draft& d, P p) {
          read_duration(e, Nanoseconds(0), std::chrono::hours(1), d.config.limits.keep_ended, p);
        }},
    Key{"log", "level", [](E e, Draft& d, P p) { read_choice(e, kLevels, d.config.log.level, p); }},
    Key{"log", "format",
        [](E e, Draft& d, P p) { read_choice(e, kFormats, d.config.log.format, p); }},
};

bool is_section(std::string_view name) {
  return !name.empty() && std::ranges::find(kKeys, name, &Key::section) != kKeys.end();
}

/// What may stand in a section; at the top, that includes the sections.
std::vector<std::string_view> words_in(std::string_view section) {
  std::vector<std::string_view> words;
  for (const auto& key : kKeys) {
    const bool here = key.section == section;
    if (!here && !section.empty()) continue;
    const std::string_view word = here ? key.name : key.section;
    if (std::ranges::find(words, word) == words.end()) words.push_back(word);
  }
  return words;
}

void refuse_unknown(const YamlNode& key, std::string_view section, Problems& problems) {
  std::string message = "unknown key " + quoted(key.text);
  if (!section.empty()) message += " in " + quoted(section);
  const auto elsewhere = std::ranges::find_if(kKeys, [&](const Key& known) {
    return known.name == key.text || (!known.section.empty() && known.dotted() == key.text);
  });
  const auto words = words_in(section);
  const auto near = nearest(key.text, words);
  if (!section.empty() && is_section(key.text)) {
    message += "; it is a section of its own, start it in the first column";
  } else if (elsewhere != kKeys.end()) {
    message += "; did you mean " + quoted(elsewhere->name) +
               (elsewhere->section.empty() ? " at the top, not indented?"
                                           : " indented below " + quoted(elsewhere->section) + "?");
  } else if (!near.empty()) {
    message += "; did you mean " + quoted(near) + "?";
  } else {
    message += "; valid keys here are " + listed(words);
  }
  problems.add(key.place, message);
}

void read_section(const YamlNode& name, const YamlNode& value, Draft& draft, Problems& problems) {
  // A section whose keys are all commented out is nothing, and means the defaults.
  if (value.kind == Kind::nothing || value.kind == Kind::refused) return;
  if (value.kind != Kind::map) {
    problems.add(value.place, name.text + " is a section; below it, indented, write one or more " +
                                  "of: " + listed(words_in(name.text)));
    return;
  }
  for_each_key(value, problems, [&](const YamlNode& key, const YamlNode& item) {
    const auto* const known = std::ranges::find_if(
        kKeys, [&](const Key& k) { return k.section == name.text && k.name == key.text; });
    if (known == kKeys.end()) return refuse_unknown(key, name.text, problems);
    known->read({.name = known->dotted(), .key = key.place, .value = &item}, draft, problems);
  });
}

}  // namespace

void read_config(const YamlNode& root, Config& out, Problems& problems) {
  if (root.kind == Kind::nothing || root.kind == Kind::refused) return;
  if (root.kind != Kind::map) {
    problems.add(root.place, "the file must be a map; write \"key: value\" lines");
    return;
  }
  Draft draft{.config = out, .windows = {}};
  for_each_key(root, problems, [&](const YamlNode& key, const YamlNode& item) {
    if (is_section(key.text)) return read_section(key, item, draft, problems);
    const auto* const known = std::ranges::find_if(
        kKeys, [&](const Key& k) { return k.section.empty() && k.name == key.text; });
    if (known == kKeys.end()) return refuse_unknown(key, {}, problems);
    known->read({.name = known->dotted(), .key = key.place, .value = &item}, draft, problems);
  });
  read_windows(draft.windows, draft.config.windows, problems);
  out = std::move(draft.config);
}

}  // namespace throttlelens::config

namespace throttlelens {

std::vector<std::string> config_keys() {
  std::vector<std::string> keys;
  keys.reserve(config::kKeys.size());
  for (const auto& key : config::kKeys) keys.push_back(key.dotted());
  return keys;
}

}  // namespace throttlelens
