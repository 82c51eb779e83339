// SPDX-License-Identifier: Apache-2.0
// Names nobody would choose, for the tests of the export room.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "export_samples.h"

namespace throttlelens::samples {

inline std::vector<std::string> hostile_names() {
  return {"quote\"backslash\\x2dline\nbreak\rtab\t",
          "\xff\xfe",
          "\xff",
          std::string("nul\0byte", 8),
          std::string(4096, 'a') + "1",
          std::string(4096, 'a') + "2",
          "gr\xc3\xbc\xc3\x9f",
          "\xed\xa0\x80",
          "\xc3(",
          "\xf0\x9f\x92",
          "</script>\x1b[2J\x7f",
          "} 1 2\n# TYPE x counter\n"};
}

/// All rows there are, and rows of which each text is such a name.
inline Snapshot hostile_snapshot() {
  Snapshot out = full_snapshot();
  std::uint64_t id = 100;
  for (const std::string& name : hostile_names()) {
    out.cgroups.push_back(limited_row(++id, "/" + name));
    ContainerRow row = full_container(limited_row(++id, "/c" + name), name, name, name);
    auto who = std::make_shared<ContainerIdentity>(*row.identity);
    who->image = who->uid = who->qos = who->runtime = who->container_id = name;
    row.identity = std::move(who);
    out.containers.push_back(std::move(row));
    out.containers.push_back(container(samples::row(++id, "/c"), "", "", name));
    out.pods.push_back(pod(limited_row(++id, "/p" + name), "ns", name));
    out.pods.back().uid = name;
    out.overhead.push_back(overhead(name, name, ""));
    out.overhead.back().parts[0] = {.cpu = 1s, .private_memory = 1};
    out.overhead.push_back(overhead("", "", name));
    out.overhead.back().parts[1] = {.cpu = 1s, .private_memory = {}};
    out.ended.push_back({.pod_namespace = name, .usage = 1s});
  }
  out.probe.kernel = "6.1\xff";
  return out;
}

}  // namespace throttlelens::samples
