// SPDX-License-Identifier: Apache-2.0
// The port through which time enters, so that tests never sleep.
#pragma once

#include "base/units.h"

namespace throttlelens {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime now() const = 0;
};

/// CLOCK_MONOTONIC of this machine.
class SystemClock final : public Clock {
 public:
  MonoTime now() const override;
};

}  // namespace throttlelens
