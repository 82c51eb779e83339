// SPDX-License-Identifier: Apache-2.0
#include "top_filter.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace throttlelens {
namespace {

constexpr char kEscape = '\x1b';
constexpr char kDelete = '\x7f';
constexpr std::size_t kLongest = 128;  ///< no name needs more to be told apart

/// Of "[A" or "OP" behind an Escape: how many bytes belong to it.
std::size_t sequence_length(std::string_view rest) {
  if (rest.empty()) return 0;
  if (rest.front() != '[') return rest.front() == 'O' ? 2 : 0;
  std::size_t i = 1;
  while (i < rest.size() && (rest[i] < '@' || rest[i] > '~')) ++i;  // parameters, then one letter
  return i + 1;
}

}  // namespace

TopFilter::Taken TopFilter::take(char key) {
  if (key == kEscape) {
    if (text_.empty() && !typing_) return Taken::nothing;
    text_.clear();
    typing_ = false;
    return Taken::changed;
  }
  if (typing_) return take_typed(key);
  if (key != '/') return Taken::no;
  typing_ = true;
  return Taken::changed;
}

TopFilter::Taken TopFilter::take_typed(char key) {
  if (key == '\n' || key == '\r') {
    typing_ = false;
    return Taken::changed;
  }
  if (key == kDelete || key == '\b') {
    if (text_.empty()) return Taken::nothing;
    text_.pop_back();
    return Taken::changed;
  }
  // Names are shown in printable ASCII, so nothing else can be found in them.
  if (key < ' ' || key > '~' || text_.size() >= kLongest) return Taken::nothing;
  text_ += key;
  return Taken::changed;
}

std::string without_sequences(std::string_view keys) {
  std::string out;
  while (!keys.empty()) {
    const char key = keys.front();
    keys.remove_prefix(1);
    const std::size_t length = key == kEscape ? sequence_length(keys) : 0;
    if (length == 0) {
      out += key;
    } else {
      keys.remove_prefix(std::min(length, keys.size()));
    }
  }
  return out;
}

}  // namespace throttlelens
