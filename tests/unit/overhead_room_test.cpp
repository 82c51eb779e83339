// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "overhead/overhead.h"

using namespace throttlelens;

TEST_CASE("a room without anything to tell is empty") {
  const Overhead overhead({}, {});
  CHECK(overhead.read().rows.empty());
}
