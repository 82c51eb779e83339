// SPDX-License-Identifier: Apache-2.0
// What goes over the wire for one answer: headers that every answer carries, and gzip.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <microhttpd.h>

#include "export/http_server.h"

namespace throttlelens {

/// One answer, which may be queued for any number of connections; the last one frees it.
struct PreparedResponse {
  unsigned status = 0;
  std::shared_ptr<MHD_Response> response;
};

/// Whether an Accept-Encoding header allows gzip (RFC 9110, 12.5.3); null is no header.
bool accepts_gzip(const char* accept_encoding);
/// Absent when it cannot be made smaller.
std::optional<std::string> gzip(std::string_view text);

/// Without a response if memory is out.
PreparedResponse prepare(HttpResponse answer, bool gzipped, bool varies);

}  // namespace throttlelens
