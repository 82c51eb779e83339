// SPDX-License-Identifier: Apache-2.0
// Prints what a scrape of a node with everything, hostile names included, would be.
#include <cstdio>
#include <string>

#include "../unit/export_samples.h"

int main() {
  using namespace throttlelens;
  Snapshot snapshot = samples::full_snapshot();
  std::uint64_t id = snapshot.cgroups.size();
  for (const std::string& name :
       {std::string("quote\"backslash\\x2dline\nbreak\rtab\t"), std::string("\xff\xfe"),
        std::string("\xff"), std::string("nul\0byte", 8), std::string(4096, 'a') + "1",
        std::string(4096, 'a') + "2", std::string("gr\xc3\xbc\xc3\x9f"), std::string("\xff"),
        std::string("} 1 2\n# TYPE x counter\n")}) {
    snapshot.cgroups.push_back(samples::limited_row(++id, "/" + name));
    ContainerRow container =
        samples::full_container(samples::limited_row(++id, "/c"), name, name, name);
    auto identity = std::make_shared<ContainerIdentity>(*container.identity);
    identity->image = identity->uid = identity->qos = identity->runtime = name;
    container.identity = std::move(identity);
    snapshot.containers.push_back(std::move(container));
    snapshot.containers.push_back(samples::container(samples::row(++id, "/c"), "", "", name));
    snapshot.pods.push_back(samples::pod(samples::limited_row(++id, "/p"), "ns", name));
    snapshot.ended.push_back({.pod_namespace = name, .usage = std::chrono::seconds(1)});
  }
  std::uint64_t dropped = 0;
  std::fputs(
      render_metrics(snapshot, read_process_stats(), samples::options(), dropped).text.c_str(),
      stdout);
  return 0;
}
