// SPDX-License-Identifier: Apache-2.0
#include "export/http_server.h"

#include <cerrno>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include <microhttpd.h>

#include "http_response.h"
#include "http_worker.h"
#include "listener.h"

namespace throttlelens {

struct HttpServer::Impl {
  Impl(HttpHandlers h, const HttpServerOptions& options)
      : handlers(std::move(h)),
        worker([this](const Question& question) { return slow(question); },
               std::chrono::seconds(options.request_deadline_seconds), options.max_waiting) {}
  ~Impl() {
    // First, because libmicrohttpd must not be stopped while connections are suspended.
    worker.stop();
    if (daemon != nullptr) ::MHD_stop_daemon(daemon);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  HttpHandlers handlers;
  HttpWorker worker;
  std::string address;
  MHD_Daemon* daemon = nullptr;

  HttpResponse slow(const Question& question) const;
  HttpResponse immediate(std::string_view path, std::string_view method) const;
  MHD_Result answer(PendingRequest& request, std::string_view path, std::string_view method);

  // What libmicrohttpd calls, on its event loop. Nothing may be thrown through it.
  static void* on_uri(void* self, const char* uri, MHD_Connection* connection) noexcept;
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char* version, const char* upload,
                               std::size_t* upload_size, void** state) noexcept;
  static void on_completed(void* self, MHD_Connection* connection, void** state,
                           MHD_RequestTerminationCode why) noexcept;
  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode what) noexcept;
};

namespace {

constexpr std::string_view kMetrics = "/metrics";
constexpr std::string_view kSnapshot = "/api/v1/snapshot";

/// Whether the worker answers it.
bool is_slow(std::string_view path) {
  return path == kMetrics || path == kSnapshot;
}

std::string query_of(std::string_view uri) {
  const std::size_t mark = uri.find('?');
  return mark == std::string_view::npos ? std::string() : std::string(uri.substr(mark + 1));
}

bool readable(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

MHD_Result queue(MHD_Connection* connection, const PreparedResponse& answer) {
  if (!answer.response) return MHD_NO;
  return ::MHD_queue_response(connection, answer.status, answer.response.get());
}

}  // namespace

HttpResponse HttpServer::Impl::slow(const Question& question) const {
  return question.path == kMetrics ? handlers.metrics() : handlers.snapshot(question.query);
}

HttpResponse HttpServer::Impl::immediate(std::string_view path, std::string_view method) const {
  const std::function<HttpResponse()>* handler = nullptr;
  if (path == "/livez" || path == "/healthz") handler = &handlers.livez;
  if (path == "/readyz") handler = &handlers.readyz;
  if (path == "/") handler = &handlers.index;
  if (handler == nullptr && !is_slow(path)) {
    return {.status = MHD_HTTP_NOT_FOUND, .body = "not found; / says what is here\n"};
  }
  if (!readable(method)) {
    return {.status = MHD_HTTP_METHOD_NOT_ALLOWED, .body = "only GET and HEAD\n"};
  }
  if (handler == nullptr) {
    return {.status = MHD_HTTP_SERVICE_UNAVAILABLE, .body = "shutting down\n"};
  }
  return call_handler(*handler);
}

MHD_Result HttpServer::Impl::answer(PendingRequest& request, std::string_view path,
                                    std::string_view method) {
  if (request.submitted) return queue(request.connection, request.answer);
  if (is_slow(path) && readable(method)) {
    request.question = {.path = std::string(path),
                        .query = path == kSnapshot ? request.query : std::string()};
    request.wants_gzip = accepts_gzip(::MHD_lookup_connection_value(
        request.connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING));
    const auto* info =
        ::MHD_get_connection_info(request.connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info != nullptr && info->socket_context != nullptr) {
      request.timed = *static_cast<const HttpWorker::Handle*>(info->socket_context);
    }
    if (worker.submit(request)) return MHD_YES;
  }
  return queue(request.connection, prepare(immediate(path, method), false, false));
}

void* HttpServer::Impl::on_uri(void* /*self*/, const char* uri,
                               MHD_Connection* connection) noexcept {
  try {
    return new PendingRequest(connection, query_of(uri));
  } catch (const std::exception&) {
    return nullptr;
  }
}

MHD_Result HttpServer::Impl::on_request(void* self, MHD_Connection* /*connection*/, const char* url,
                                        const char* method, const char* /*version*/,
                                        const char* /*upload*/, std::size_t* /*upload_size*/,
                                        void** state) noexcept {
  try {
    if (*state == nullptr) return MHD_NO;  // on_uri was out of memory
    // Answered at the first call, before any body is read: no endpoint takes one.
    return static_cast<Impl*>(self)->answer(*static_cast<PendingRequest*>(*state), url, method);
  } catch (const std::exception&) {
    return MHD_NO;
  }
}

void HttpServer::Impl::on_completed(void* /*self*/, MHD_Connection* /*connection*/, void** state,
                                    MHD_RequestTerminationCode /*why*/) noexcept {
  delete static_cast<PendingRequest*>(*state);
  *state = nullptr;
}

void HttpServer::Impl::on_connection(void* self, MHD_Connection* connection, void** context,
                                     MHD_ConnectionNotificationCode what) noexcept {
  HttpWorker& worker = static_cast<Impl*>(self)->worker;
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    const auto* info = ::MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == nullptr) return;
    try {
      *context = new HttpWorker::Handle(worker.connection_opened(info->connect_fd));
    } catch (const std::exception&) {
      *context = nullptr;  // without a deadline; the idle timeout still holds
    }
    return;
  }
  const auto* handle = static_cast<HttpWorker::Handle*>(*context);
  if (handle == nullptr) return;
  worker.connection_closed(*handle);
  delete handle;
  *context = nullptr;
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options,
                                                      HttpHandlers handlers) {
  Result<Listener> listener = open_listener(options.listen);
  if (!listener) return std::unexpected(listener.error());
  auto impl = std::make_unique<Impl>(std::move(handlers), options);
  impl->address = listener->address;
  // One thread moves all bytes: it never waits, so that a slow reader keeps nobody. The port is
  // ignored beside a listening socket.
  impl->daemon = ::MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr,
      Impl::on_request, impl.get(), MHD_OPTION_LISTEN_SOCKET, listener->fd.get(),
      MHD_OPTION_URI_LOG_CALLBACK, Impl::on_uri, impl.get(), MHD_OPTION_NOTIFY_COMPLETED,
      Impl::on_completed, impl.get(), MHD_OPTION_NOTIFY_CONNECTION, Impl::on_connection, impl.get(),
      MHD_OPTION_CONNECTION_LIMIT, options.max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      options.max_connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
      options.connection_timeout_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      options.connection_memory_bytes, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
  if (impl->daemon == nullptr) {
    return std::unexpected(os_error("start the HTTP server on", impl->address, errno));
  }
  (void)listener->fd.release();  // closed by MHD_stop_daemon
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;
const std::string& HttpServer::address() const {
  return impl_->address;
}

}  // namespace throttlelens
