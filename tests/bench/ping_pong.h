// SPDX-License-Identifier: Apache-2.0
// Two processes on one CPU that wake each other through pipes: hardly anything but switches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace throttlelens::bench {

class PingPong {
 public:
  explicit PingPong(int cpu);
  ~PingPong();
  PingPong(const PingPong&) = delete;
  PingPong& operator=(const PingPong&) = delete;

  std::vector<pid_t> processes() const { return {asker_, answerer_}; }

  /// Nanoseconds of wall time per switch over `round_trips`, two switches each; absent when anybody
  /// else had the CPU meanwhile.
  std::optional<double> run(std::uint32_t round_trips);

  /// Switches of both since they started, as the kernel counts them.
  std::uint64_t switches() const;

 private:
  pid_t asker_ = -1;
  pid_t answerer_ = -1;
  int commands_ = -1;
  int answers_ = -1;
};

}  // namespace throttlelens::bench
