// SPDX-License-Identifier: Apache-2.0
// The processes there are, and what each has used that was not counted yet: no time is told twice,
// and none is taken back.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "model/cgroup.h"
#include "model/process.h"

namespace throttlelens::overhead {

/// What is known of a process that others descend from.
struct Root {
  ProcessKey key;
  ProcessKind kind = ProcessKind::helper;
  std::string comm;
  std::string serves;  ///< id of a container or sandbox; empty: not known
  CgroupKey cgroup;
  friend bool operator==(const Root&, const Root&) = default;
};

/// Something that happened to a process.
struct ProcessStep {
  enum class Life : std::uint8_t { goes_on, began, ended };
  Life life = Life::goes_on;
  ProcessKey key;
  ProcessKind kind = ProcessKind::helper;
  std::shared_ptr<const Root> root;  ///< null: it was never told
  std::optional<Nanoseconds> more;   ///< CPU time not told before; absent: no reading
};

class Processes {
 public:
  /// In order. A process that becomes another kind, or another's, ends and begins.
  std::vector<ProcessStep> apply(const ProcessBatch& batch, MonoTime now);
  /// Null: there is none, or it has ended.
  const Root* root_of(const ProcessKey& key) const;
  std::size_t size() const { return processes_.size(); }

 private:
  struct Process {
    ProcessKind kind = ProcessKind::helper;
    std::shared_ptr<const Root> root;
    Nanoseconds counted{0};
    bool there = false;
    bool final = false;            ///< has told its last
    std::uint32_t missed = 0;      ///< readings in a row that did not have it
    std::uint64_t last_batch = 0;  ///< that told of it
  };
  struct Departure {
    MonoTime at;
    ProcessKey key;
  };
  void see(const ProcessSeen& seen, std::vector<ProcessStep>& out);
  void read(const ProcessUse& use, std::vector<ProcessStep>& out);
  void end_missed(MonoTime now, std::vector<ProcessStep>& out);
  void bind(const ProcessKey& key, Process& process, ProcessKind kind,
            std::shared_ptr<const Root> root, std::vector<ProcessStep>& out);
  void end(const ProcessKey& key, Process& process, MonoTime now, std::vector<ProcessStep>& out);
  void forget(MonoTime now);

  std::map<ProcessKey, Process> processes_;  ///< and for a while those that ended
  std::deque<Departure> ended_;              ///< oldest first
  std::uint64_t batch_ = 0;
};

/// A root as its command line tells it.
Root root_of(const ProcessSeen& seen);

}  // namespace throttlelens::overhead
