// SPDX-License-Identifier: Apache-2.0
#include "export/http_server.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include <gnutls/abstract.h>
#include <microhttpd.h>

#include "http_gate.h"
#include "http_response.h"
#include "http_worker.h"
#include "listener.h"
#include "open_requests.h"
#include "tls_stream.h"

namespace throttlelens {

namespace {

/// What belongs to one connection from accept to close.
struct Connection {
  std::optional<HttpWorker::Handle> timed;  ///< absent without a deadline: memory was out
  std::unique_ptr<TlsStream> tls;
};

}  // namespace

struct HttpServer::Impl {
  Impl(HttpHandlers h, const HttpServerOptions& options, std::unique_ptr<HttpGate> g)
      : handlers(std::move(h)),
        gate(std::move(g)),
        worker([this](const Question& question) { return slow(question); },
               std::chrono::seconds(options.request_deadline_seconds), options.max_waiting) {}
  ~Impl() {
    // First, because libmicrohttpd must not be stopped while connections are suspended.
    gate->stop();
    worker.stop();
    open_requests.wait_for_none(std::chrono::seconds(1));
    if (daemon != nullptr) ::MHD_stop_daemon(daemon);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  HttpHandlers handlers;
  std::unique_ptr<HttpGate> gate;
  HttpWorker worker;
  OpenRequests open_requests;
  std::string address;
  /// The connection closed last. Its TLS session, which refers to it, is ended before this is told
  /// by libmicrohttpd 0.9.75, but may be after it by others.
  std::unique_ptr<Connection> parting;
  MHD_Daemon* daemon = nullptr;

  HttpResponse slow(const Question& question) const;
  HttpResponse immediate(std::string_view path, std::string_view method) const;
  MHD_Result answer(PendingRequest& request, std::string_view path, std::string_view method);
  MHD_Result answer_now(PendingRequest& request, HttpResponse response) const;
  void open_connection(MHD_Connection* connection, Connection& context);
  MHD_Daemon* start_daemon(const HttpServerOptions& options, int listening);

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

/// Whoever asks these has no password: a kubelet.
bool is_open(std::string_view path) {
  return path == "/livez" || path == "/readyz" || path == "/healthz";
}

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

gnutls_session_t session_of(MHD_Connection* connection) {
  const auto* info = ::MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  return info == nullptr ? nullptr : static_cast<gnutls_session_t>(info->tls_session);
}

HttpResponse not_let_in(LoginVerdict verdict) {
  if (verdict == LoginVerdict::wrong) {
    return {.status = MHD_HTTP_UNAUTHORIZED,
            .body = "user and password, please\n",
            .headers = {{.name = "WWW-Authenticate",
                         .value = R"(Basic realm="throttlelens", charset="UTF-8")"}}};
  }
  return {.status = MHD_HTTP_SERVICE_UNAVAILABLE,
          .body = "too many passwords wait to be checked; ask again later\n",
          .headers = {{.name = "Retry-After", .value = "1"}}};
}

/// libmicrohttpd wants to know where certificates come from; each connection brings its own.
int no_certificate(gnutls_session_t /*session*/, const gnutls_datum_t* /*ca*/, int /*cas*/,
                   const gnutls_pk_algorithm_t* /*algorithms*/, int /*count*/,
                   gnutls_pcert_st** /*certificates*/, unsigned* /*length*/,
                   gnutls_privkey_t* /*key*/) {
  return -1;
}

MHD_Result queue(MHD_Connection* connection, const PreparedResponse& answer) {
  if (!answer.response) return MHD_NO;
  return ::MHD_queue_response(connection, answer.status, answer.response.get());
}

}  // namespace

HttpResponse HttpServer::Impl::slow(const Question& question) const {
  HttpResponse made =
      question.path == kMetrics ? handlers.metrics() : handlers.snapshot(question.query);
  const auto in_force = gate->state();
  made.headers.insert(made.headers.end(), in_force->headers.begin(), in_force->headers.end());
  return made;
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

MHD_Result HttpServer::Impl::answer_now(PendingRequest& request, HttpResponse response) const {
  const auto in_force = gate->state();
  response.headers.insert(response.headers.end(), in_force->headers.begin(),
                          in_force->headers.end());
  return queue(request.connection, prepare(std::move(response), false, false));
}

MHD_Result HttpServer::Impl::answer(PendingRequest& request, std::string_view path,
                                    std::string_view method) {
  if (!request.begun) {
    request.begun = true;
    open_requests.begun();
  }
  if (request.submitted) return queue(request.connection, request.answer);
  if (!is_open(path) && request.login == LoginVerdict::unknown) {
    const LoginVerdict verdict = gate->judge(request.connection, [&request](LoginVerdict found) {
      request.login = found;
      ::MHD_resume_connection(request.connection);
    });
    // It may have been found by now, on the other thread.
    if (verdict == LoginVerdict::unknown) return MHD_YES;
    request.login = verdict;
  }
  if (!is_open(path) && request.login != LoginVerdict::right) {
    return answer_now(request, not_let_in(request.login));
  }
  if (is_slow(path) && readable(method)) {
    request.question = {.path = std::string(path),
                        .query = path == kSnapshot ? request.query : std::string()};
    request.wants_gzip = accepts_gzip(::MHD_lookup_connection_value(
        request.connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING));
    const auto* info =
        ::MHD_get_connection_info(request.connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info != nullptr && info->socket_context != nullptr) {
      request.timed = static_cast<const Connection*>(info->socket_context)->timed;
    }
    if (worker.submit(request)) return MHD_YES;
  }
  return answer_now(request, immediate(path, method));
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

void HttpServer::Impl::on_completed(void* self, MHD_Connection* /*connection*/, void** state,
                                    MHD_RequestTerminationCode /*why*/) noexcept {
  const std::unique_ptr<PendingRequest> request(static_cast<PendingRequest*>(*state));
  *state = nullptr;
  if (request && request->begun) static_cast<Impl*>(self)->open_requests.ended();
}

void HttpServer::Impl::open_connection(MHD_Connection* connection, Connection& context) {
  const auto* info = ::MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  if (info == nullptr) return;
  const int fd = info->connect_fd;
  context.timed = worker.connection_opened(fd);
  const auto in_force = gate->state();
  if (!in_force->tls) return;
  context.tls = std::make_unique<TlsStream>(fd, in_force->tls);
  // Otherwise it stays with no_certificate(), and fails.
  if (auto* const session = session_of(connection)) context.tls->attach(session);
}

void HttpServer::Impl::on_connection(void* self, MHD_Connection* connection, void** context,
                                     MHD_ConnectionNotificationCode what) noexcept {
  auto& server = *static_cast<Impl*>(self);
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    try {
      auto opened = std::make_unique<Connection>();
      *context = opened.get();
      server.open_connection(connection, *opened.release());
    } catch (const std::exception&) {
      return;  // without a deadline; the idle timeout still holds
    }
    return;
  }
  std::unique_ptr<Connection> closed(static_cast<Connection*>(*context));
  *context = nullptr;
  if (closed) {
    if (const auto& timed = closed->timed) server.worker.connection_closed(*timed);
  }
  server.parting = std::move(closed);
}

MHD_Daemon* HttpServer::Impl::start_daemon(const HttpServerOptions& options, int listening) {
  const bool tls = gate->state()->tls != nullptr;
  std::array<MHD_OptionItem, 2> encryption{
      {{.option = MHD_OPTION_END, .value = 0, .ptr_value = nullptr},
       {.option = MHD_OPTION_END, .value = 0, .ptr_value = nullptr}}};
  if (tls) {
    encryption[0].option = MHD_OPTION_HTTPS_CERT_CALLBACK2;
    encryption[0].ptr_value = reinterpret_cast<void*>(&no_certificate);
  }
  // One thread moves all bytes: it never waits, so that a slow reader keeps nobody. The port is
  // ignored beside a listening socket.
  return ::MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
          (tls ? static_cast<unsigned>(MHD_USE_TLS) : 0U),
      0, nullptr, nullptr, on_request, this, MHD_OPTION_LISTEN_SOCKET, listening,
      MHD_OPTION_URI_LOG_CALLBACK, on_uri, this, MHD_OPTION_NOTIFY_COMPLETED, on_completed, this,
      MHD_OPTION_NOTIFY_CONNECTION, on_connection, this, MHD_OPTION_CONNECTION_LIMIT,
      options.max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
      options.max_connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
      options.connection_timeout_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      options.connection_memory_bytes, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
      encryption.data(), MHD_OPTION_END);
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options,
                                                      HttpHandlers handlers) {
  auto gate = HttpGate::create(options.security, options.max_connections);
  if (!gate) return std::unexpected(std::move(gate.error()));
  Result<Listener> listener = open_listener(options.listen);
  if (!listener) return std::unexpected(listener.error());
  auto impl = std::make_unique<Impl>(std::move(handlers), options, std::move(*gate));
  impl->address = listener->address;
  impl->daemon = impl->start_daemon(options, listener->fd.get());
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
Result<void> HttpServer::replace_security(const HttpSecurity& security) {
  return impl_->gate->replace(security);
}

}  // namespace throttlelens
