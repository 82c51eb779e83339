// SPDX-License-Identifier: Apache-2.0
// Prints what a scrape of a node with everything, hostile names included, would be.
#include <cstdio>
#include <string>

#include "../unit/export_samples.h"

int main() {
  using namespace throttlelens;
  Snapshot snapshot = samples::full_snapshot();
  for (const std::string& path :
       {std::string("/quote\"backslash\\x2dline\nbreak\rtab\t"), std::string("/\xff\xfe"),
        std::string("/\xff"), std::string("/nul\0byte", 9), "/" + std::string(4096, 'a') + "1",
        "/" + std::string(4096, 'a') + "2", std::string("/gr\xc3\xbc\xc3\x9f"),
        std::string("/\xff"), std::string("/} 1 2\n# TYPE x counter\n")}) {
    snapshot.cgroups.push_back(samples::limited_row(snapshot.cgroups.size() + 1, path));
  }
  std::uint64_t dropped = 0;
  std::fputs(render_metrics(snapshot, read_process_stats(), samples::options(), dropped).text.c_str(),
             stdout);
  return 0;
}
