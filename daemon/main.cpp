// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include "cli/cli.h"

int main(int argc, char** argv) {
  // Errors are values here; what still throws is the standard library out of memory.
  try {
    return throttlelens::run_cli(argc, argv);
  } catch (const std::exception& error) {
    std::fputs("throttlelens: cannot go on: ", stderr);
    std::fputs(error.what(), stderr);
    std::fputs("\n", stderr);
  } catch (...) {
    std::fputs("throttlelens: cannot go on: unknown failure\n", stderr);
  }
  return 1;
}
