// SPDX-License-Identifier: Apache-2.0
// tl_actor under other names, and what a process source says of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/clock.h"
#include "base/units.h"
#include "probe/process_source.h"

namespace throttlelens::test {

/// Names under which tl_actor can be executed; in a directory of their own.
class Stage {
 public:
  Stage();
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  /// The path of a program of that name.
  std::string operator()(const std::string& name);

 private:
  std::string dir_;
};

/// CPU time a process said it had used by then.
struct Marked {
  pid_t pid = 0;
  Nanoseconds cpu{0};
};

class Play {
 public:
  /// Starts `program` with these words; `pid`: as that process, which must not be there.
  Play(std::string program, std::vector<std::string> words, pid_t pid = 0);
  Play(const Play&) = delete;
  Play& operator=(const Play&) = delete;
  ~Play();  ///< kills it if it still runs

  pid_t pid() const { return pid_; }
  std::string arguments() const { return arguments_; }  ///< as in /proc/<pid>/cmdline
  /// Waits until an actor has said `mark`.
  Marked wait_for(const std::string& mark);
  void cue();  ///< one that awaits goes on
  void kill();
  /// Lets all that await go on, waits for its end, returns what it used, without its children.
  Nanoseconds finish();
  /// After the end: what each used that an actor has waited for.
  const std::vector<std::pair<pid_t, Nanoseconds>>& ran() const { return ran_; }
  const std::vector<pid_t>& started() const { return started_; }

 private:
  bool read_line();

  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string arguments_;
  std::string unread_;
  std::map<std::string, Marked> marks_;
  std::vector<std::pair<pid_t, Nanoseconds>> ran_;
  std::vector<pid_t> started_;
};

/// CPU time of a process that has not been reaped, by the kernel's own clock.
Nanoseconds cpu_clock(pid_t pid);

class ProcessWatch {
 public:
  ProcessWatch();
  void collect(bool read_alive = true);
  /// Until `done`, at most 45 s: an end that was missed is told after 30. Fails the test when it
  /// did not come.
  void until(const std::function<bool()>& done);
  /// Until the ends of all these were told.
  void until_ended(const std::vector<pid_t>& pids);

  /// What was told of the newest process with this pid.
  std::optional<ProcessSeen> seen(pid_t pid) const;
  std::optional<ProcessUse> ended(pid_t pid) const;
  std::optional<ProcessUse> alive(pid_t pid) const;  ///< in the last collect() that read it
  bool told_of(pid_t pid) const;                     ///< anything, ever
  std::vector<ProcessUse> all_ended(pid_t pid) const;
  Nanoseconds ended_sum(const std::vector<pid_t>& pids) const;
  std::uint64_t lost() const { return lost_; }

 private:
  void wait(const std::function<bool()>& done);

  SystemClock clock_;
  std::unique_ptr<ProcessSource> source_;
  std::vector<ProcessSeen> seen_;
  std::vector<ProcessUse> ended_;
  std::vector<ProcessUse> alive_;
  std::set<std::uint32_t> ever_;
  std::uint64_t lost_ = 0;
};

}  // namespace throttlelens::test
