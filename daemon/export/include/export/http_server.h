// SPDX-License-Identifier: Apache-2.0
// The HTTP endpoints, over libmicrohttpd: /metrics, /livez, /readyz, /healthz and a page at /.
// Its threads read snapshots and never touch the sampler.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/units.h"

namespace throttlelens {

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpServerOptions {
  std::string listen = "127.0.0.1:9976";  ///< ADDRESS:PORT, [ADDRESS]:PORT; port 0: any free one
  unsigned threads = 2;
  unsigned max_connections = 64;
  unsigned max_connections_per_address = 32;
  unsigned connection_timeout_seconds = 10;
  std::size_t connection_memory_bytes = 64 * 1024;
};

/// What the endpoints show; called on HTTP threads, so they must be thread-safe.
struct HttpHandlers {
  std::function<HttpResponse()> metrics;
  std::function<HttpResponse()> livez;  ///< also serves /healthz
  std::function<HttpResponse()> readyz;
  std::function<HttpResponse()> index;
};

class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options,
                                                   HttpHandlers handlers);
  ~HttpServer();  ///< stops accepting, ends open connections
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  /// The address in use, with the real port: "127.0.0.1:9976".
  const std::string& address() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
