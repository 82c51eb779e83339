// SPDX-License-Identifier: Apache-2.0
// The section tls_server_config, whose keys must fit each other.
#pragma once

#include <optional>

#include "config/web_config.h"
#include "values.h"
#include "web_schema.h"

namespace throttlelens::config {

/// A text that is in the file itself, or in a file that it names.
struct TextEntry {
  std::optional<Entry> here;
  std::optional<Entry> file;
};

/// The keys that the file has.
struct TlsEntries {
  Entry section;
  TextEntry certificate, key, client_ca;
  std::optional<Entry> client_auth, min_version, max_version;
};

/// Nothing, with the reason in `problems`, when it cannot be served.
std::optional<WebConfig::Tls> read_tls(const TlsEntries& entries, const WebSource& source,
                                       Problems& problems);

}  // namespace throttlelens::config
