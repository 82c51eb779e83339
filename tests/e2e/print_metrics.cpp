// SPDX-License-Identifier: Apache-2.0
// Prints what a scrape of a node with everything, hostile names included, would be.
#include <cstdio>

#include "../unit/export_hostile.h"

int main() {
  using namespace throttlelens;
  std::uint64_t dropped = 0;
  std::fputs(
      render_metrics(samples::hostile_snapshot(), read_process_stats(), samples::options(), dropped)
          .text.c_str(),
      stdout);
  return 0;
}
