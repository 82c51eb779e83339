// SPDX-License-Identifier: Apache-2.0
// The whole terminal, taken for a while and given back whatever happens.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace throttlelens {

class Terminal {
 public:
  struct Size {
    std::size_t columns = 80;
    std::size_t rows = 24;
  };

  /// Whether stdout is a terminal that understands cursor movement.
  static bool available();

  /// One at a time: the handlers that restore after a crash serve the newest.
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  static Size size();
  /// The descriptor keys come from; absent when stdin is no terminal.
  std::optional<int> keys() const;
  /// The keys pressed since the last call; absent when no more will come.
  std::optional<std::string> read_keys() const;

  /// Replaces what is shown: `body`, cut to the height, and `status` on the line below it. False
  /// when the terminal is gone.
  bool draw(std::string_view body, std::string_view status);
  /// Gives the terminal back and stops this process as Ctrl-Z does; returns when it goes on.
  void suspend();

 private:
  void enter();
  void leave();
};

}  // namespace throttlelens
