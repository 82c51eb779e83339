// SPDX-License-Identifier: Apache-2.0
// The text of a file that holds secrets: in memory only as long as it is looked at.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace throttlelens::runtime {

class WipedText {
 public:
  /// A regular file of at most `most` bytes, from its beginning. Never mapped: a file that shrinks
  /// meanwhile would be a signal.
  static Result<WipedText> read(int fd, std::size_t most);

  WipedText(WipedText&& other) noexcept;
  WipedText& operator=(WipedText&& other) = delete;
  WipedText(const WipedText&) = delete;
  WipedText& operator=(const WipedText&) = delete;
  ~WipedText();

  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  explicit WipedText(std::size_t capacity);

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

}  // namespace throttlelens::runtime
