// SPDX-License-Identifier: Apache-2.0
// What is typed to filter names in the live table: a pure state machine of keys.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace throttlelens {

class TopFilter {
 public:
  explicit TopFilter(std::string text) : text_(std::move(text)) {}

  enum class Taken {
    no,       ///< the key means something else
    nothing,  ///< taken, but nothing that is shown changed
    changed,  ///< the filter, or whether it is being typed
  };
  /// '/' begins typing, Enter ends it, Backspace takes a character back, Escape clears the filter.
  Taken take(char key);

  const std::string& text() const { return text_; }
  bool typing() const { return typing_; }

 private:
  Taken take_typed(char key);

  std::string text_;
  bool typing_ = false;
};

/// Without what a terminal sends for arrows and the like: sequences that begin with Escape. An
/// Escape at the end is the key of that name.
std::string without_sequences(std::string_view keys);

}  // namespace throttlelens
