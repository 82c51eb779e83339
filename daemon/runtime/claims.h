// SPDX-License-Identifier: Apache-2.0
// Whose a container's names are. Anyone with a delegated cgroup can name one after a container of
// somebody else. Pure.
#pragma once

#include <string>
#include <unordered_map>

#include "model/cgroup.h"

namespace throttlelens::runtime {

/// The first cgroup that got a container's names keeps them until it is gone.
class Claims {
 public:
  bool is_anothers(const std::string& container, CgroupKey key) const;
  /// To be called only while it is nobody else's.
  void take(const std::string& container, CgroupKey key);
  void release(CgroupKey key);

 private:
  std::unordered_map<std::string, CgroupKey> holders_;
  std::unordered_map<CgroupKey, const std::string*> held_;  // into the other's keys
};

}  // namespace throttlelens::runtime
