// SPDX-License-Identifier: Apache-2.0
// A listening TCP socket from what a person wrote.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace throttlelens {

struct Listener {
  UniqueFd fd;
  std::string address;  ///< with the real port: "127.0.0.1:9976", "[::]:9976"
};

Result<Listener> open_listener(const std::string& listen);

}  // namespace throttlelens
