// SPDX-License-Identifier: Apache-2.0
// The HTTP endpoints, over libmicrohttpd: /metrics, /api/v1/snapshot, /livez, /readyz, /healthz and
// a page at /; in the clear or over TLS. Its threads read snapshots and never touch the sampler.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "export/http_security.h"

namespace throttlelens {

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  /// The answer is not known before that: whoever asked is kept waiting, and the handler is called
  /// again then. The rest is what they get for whom there is no place to wait, with Retry-After.
  std::optional<std::chrono::nanoseconds> known_in{};
  std::vector<HttpHeader> headers{};  ///< beside those of every answer
};

struct HttpServerOptions {
  /// ADDRESS:PORT, [ADDRESS]:PORT, or :PORT for all addresses; [::]:PORT takes IPv4 too; port 0:
  /// any free one. Names are not looked up.
  std::string listen = "127.0.0.1:9976";
  unsigned max_connections = 64;              ///< more wait in the kernel's queue
  unsigned max_connections_per_address = 32;  ///< more are closed at once
  unsigned connection_timeout_seconds = 10;   ///< without a byte moving
  /// From accept to the last byte, whatever trickles: one connection serves one request. Begins
  /// anew after waiting for HttpResponse::known_in.
  unsigned request_deadline_seconds = 60;
  unsigned max_waiting = 16;  ///< connections that may wait for HttpResponse::known_in at a time
  std::size_t connection_memory_bytes = 65536;  ///< bounds the request's line and headers
  HttpSecurity security{};
};

/// What the endpoints show; called on two of the server's threads, so they must be thread-safe.
struct HttpHandlers {
  // These two may wait: they have a thread of their own, and are called once for all who asked the
  // same meanwhile.
  std::function<HttpResponse()> metrics;
  /// `query`: what is behind the question mark, as it was sent.
  std::function<HttpResponse(std::string_view query)> snapshot{};
  // These must not wait: they run on the thread that moves everybody's bytes.
  std::function<HttpResponse()> livez;  ///< also serves /healthz
  std::function<HttpResponse()> readyz;
  std::function<HttpResponse()> index;
};

class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options,
                                                   HttpHandlers handlers);
  ~HttpServer();  ///< ends open connections; waits for a handler that is running
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  /// The address in use, with the real port: "127.0.0.1:9976".
  const std::string& address() const;
  /// For connections and requests from now on; on any thread. An error, and nothing changes, when
  /// it does not fit or would turn TLS on or off.
  Result<void> replace_security(const HttpSecurity& security);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
