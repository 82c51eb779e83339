// SPDX-License-Identifier: Apache-2.0
// What the services of the node have used, by name: a counter goes on when a service is restarted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "model/overhead.h"
#include "model/process.h"

namespace throttlelens::overhead {

class Services {
 public:
  void begin(const std::string& name, const ProcessKey& key);
  void end(const std::string& name, const ProcessKey& key, MonoTime now);
  void add(const std::string& name, Nanoseconds more);
  /// Absent: not known any more.
  void set_memory(const std::string& name, const ProcessKey& key,
                  std::optional<std::uint64_t> bytes);
  std::vector<ServiceRow> rows() const;  ///< by name; those that used something

 private:
  struct Service {
    std::optional<Nanoseconds> cpu;
    std::map<ProcessKey, std::optional<std::uint64_t>> processes;  ///< private memory
    MonoTime ended{};
  };
  void make_room();

  std::map<std::string, Service> services_;
};

}  // namespace throttlelens::overhead
