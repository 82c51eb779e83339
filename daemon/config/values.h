// SPDX-License-Identifier: Apache-2.0
// Turns one value of the tree into a plain type, or says why not. On a problem `out` keeps what it
// held.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.h"
#include "yaml_tree.h"

namespace throttlelens::config {

struct Entry {
  std::string name;  ///< dotted: "windows.base"
  Place key;
  const YamlNode* value = nullptr;
};

/// `word` as written in the file and what it stands for.
template <typename T>
using Choice = std::pair<std::string_view, T>;

/// Where to point when this value is wrong: at it, or at the key when there is none.
Place place_of(const Entry& entry);

/// The scalar behind a key that wants one; nothing after reporting anything else.
std::optional<std::string> scalar_of(const Entry& entry, Problems& problems);
std::optional<Nanoseconds> duration_of(const Entry& entry, Problems& problems);
/// Items of a list, named "item 2 of windows.reported"; nothing after reporting anything else.
std::optional<std::vector<Entry>> items_of(const Entry& entry, Problems& problems);

void read_text(const Entry& entry, std::string& out, Problems& problems);
void read_listen(const Entry& entry, std::string& out, Problems& problems);
void read_path(const Entry& entry, std::string& out, Problems& problems);
void read_paths(const Entry& entry, std::vector<std::string>& out, Problems& problems);
void read_globs(const Entry& entry, std::vector<std::string>& out, Problems& problems);
/// Globs over names of metrics.
void read_metric_globs(const Entry& entry, std::vector<std::string>& out, Problems& problems);
void read_count(const Entry& entry, std::uint32_t least, std::uint32_t most, std::uint32_t& out,
                Problems& problems);
void read_duration(const Entry& entry, Nanoseconds least, Nanoseconds most, Nanoseconds& out,
                   Problems& problems);

/// Reports that `given` is none of `words`.
void refuse_choice(const Entry& entry, std::string_view given,
                   const std::vector<std::string_view>& words, Problems& problems);

template <typename T, std::size_t N>
void read_choice(const Entry& entry, const Choice<T> (&choices)[N], T& out, Problems& problems) {
  const auto given = scalar_of(entry, problems);
  if (!given) return;
  std::vector<std::string_view> words;
  for (const auto& [word, value] : choices) {
    if (word == *given) {
      out = value;
      return;
    }
    words.push_back(word);
  }
  refuse_choice(entry, *given, words, problems);
}

}  // namespace throttlelens::config
