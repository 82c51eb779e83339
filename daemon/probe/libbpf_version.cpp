// SPDX-License-Identifier: Apache-2.0
#include "probe/libbpf_version.h"

#include <bpf/libbpf.h>

namespace throttlelens {

std::string libbpf_version() {
  const std::string text = ::libbpf_version_string();
  return text.starts_with('v') ? text.substr(1) : text;
}

}  // namespace throttlelens
