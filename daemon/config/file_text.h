// SPDX-License-Identifier: Apache-2.0
// The whole of a small file that a person wrote.
#pragma once

#include <expected>
#include <string>

#include "config/web_config.h"

namespace throttlelens::config {

struct FileText {
  std::string text;
  FileIdentity identity;  ///< before it was read: what changes meanwhile shows in the next look
};

/// The error is why it cannot be read, as the end of a sentence; `called` is what the file is.
std::expected<FileText, std::string> read_file(const std::string& path, const std::string& called);

}  // namespace throttlelens::config
