// SPDX-License-Identifier: Apache-2.0
#include "console.h"

#include <cerrno>
#include <cstdio>
#include <string>

#include "base/error.h"
#include "cli/escape.h"

namespace throttlelens {
namespace {

/// One write a line, so that lines of two processes do not mix.
void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stderr);
}

}  // namespace

int print_result(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return kDone;
  return complain(os_error("write the result to", "stdout", errno).message());
}

int complain(std::string_view text) {
  say("throttlelens: " + escape_text(text));
  return kFailed;
}

int complain(const ConfigProblems& problems) {
  for (const auto& problem : problems) {
    say(escape_text(problem.text()));
  }
  return kFailed;
}

}  // namespace throttlelens
