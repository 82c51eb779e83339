// SPDX-License-Identifier: Apache-2.0
// Another program, for as long as the object lives. It ends with us even if we are killed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

namespace throttlelens::bench {

class ChildProgram {
 public:
  /// Its output goes to a terminal of its own, so that every line arrives when it is written.
  explicit ChildProgram(std::vector<std::string> arguments);
  ~ChildProgram();
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;

  pid_t pid() const { return pid_; }
  /// Returns when it has printed `text`; throws std::runtime_error with what it said instead when
  /// it ends before, or the time is up.
  void wait_for(const std::string& text, std::chrono::seconds at_most = std::chrono::seconds(30));
  /// Closes its input, then SIGINT, then SIGKILL; reaps it.
  void end();

  /// CPU time of all its threads, to the nanosecond.
  std::chrono::nanoseconds cpu_time() const;
  /// A field of /proc/PID/status, in KiB: "VmRSS".
  long status_kib(const std::string& field) const;

 private:
  std::string name_;
  std::string output_;
  pid_t pid_ = -1;
  int input_ = -1;
  int terminal_ = -1;
};

/// CPU time of a process that may be another.
std::chrono::nanoseconds cpu_time_of(pid_t pid);

/// This process, and what it starts from now on, stays on this CPU.
void pin(int cpu);
/// This process stays off this CPU, where there is another.
void keep_off(int cpu);
/// The last CPU this process may use.
int last_cpu();

}  // namespace throttlelens::bench
