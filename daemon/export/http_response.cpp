// SPDX-License-Identifier: Apache-2.0
#include "http_response.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <zlib.h>

namespace throttlelens {

namespace {

// The page holds no script and fetches nothing; its one style sheet is within it.
constexpr const char* kPagePolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool same(std::string_view a, std::string_view b) {
  // Not strncasecmp, which obeys the locale.
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// The text before `separator`, which is taken off with it.
std::string_view next_piece(std::string_view& rest, char separator) {
  const std::string_view piece = rest.substr(0, rest.find(separator));
  rest.remove_prefix(piece.size() == rest.size() ? piece.size() : piece.size() + 1);
  return trimmed(piece);
}

}  // namespace

bool accepts_gzip(const char* accept_encoding) {
  if (accept_encoding == nullptr) return false;
  for (std::string_view rest = accept_encoding; !rest.empty();) {
    std::string_view item = next_piece(rest, ',');
    if (!same(next_piece(item, ';'), "gzip")) continue;
    // What is left is "q=VALUE"; zero means: not this one.
    if (item.size() < 2 || !same(trimmed(item).substr(0, 2), "q=")) return true;
    return trimmed(item).substr(2).find_first_not_of("0.") != std::string_view::npos;
  }
  return false;
}

std::optional<std::string> gzip(std::string_view text) {
  z_stream stream{};
  // Level 1: metrics shrink thirtyfold anyway, and the profiler's own CPU time counts.
  constexpr int window_bits_and_gzip_header = 15 + 16;
  if (::deflateInit2(&stream, 1, Z_DEFLATED, window_bits_and_gzip_header, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return std::nullopt;
  }
  std::string out(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  if (result != Z_STREAM_END || out.size() >= text.size()) return std::nullopt;
  out.shrink_to_fit();
  return out;
}

PreparedResponse prepare(HttpResponse answer, bool gzipped, bool varies) {
  auto* const body = new std::string(std::move(answer.body));
  const auto free_body = [](void* owned) { delete static_cast<std::string*>(owned); };
  MHD_Response* const raw = ::MHD_create_response_from_buffer_with_free_callback_cls(
      body->size(), body->data(), free_body, body);
  if (raw == nullptr) {
    free_body(body);
    return {};
  }
  PreparedResponse out{.status = answer.status,
                       .response = std::shared_ptr<MHD_Response>(raw, ::MHD_destroy_response)};
  for (const HttpHeader& own : answer.headers) {
    ::MHD_add_response_header(raw, own.name.c_str(), own.value.c_str());
  }
  const auto header = [raw, &answer](const char* name, const char* value) {
    const bool replaced = std::ranges::any_of(
        answer.headers, [name](const HttpHeader& own) { return same(own.name, name); });
    if (!replaced) ::MHD_add_response_header(raw, name, value);
  };
  header("Content-Type", answer.content_type.c_str());
  header("Cache-Control", "no-store");
  header("X-Content-Type-Options", "nosniff");
  // A scrape comes every few seconds at most: a connection that waits for the next one only takes
  // a place, and what follows a request on the same connection need not be understood.
  header("Connection", "close");
  if (answer.content_type.starts_with("text/html")) {
    header("Content-Security-Policy", kPagePolicy);
    header("Referrer-Policy", "no-referrer");
  }
  if (gzipped) header("Content-Encoding", "gzip");
  if (varies) header("Vary", "Accept-Encoding");
  if (answer.known_in) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(*answer.known_in).count();
    header("Retry-After", std::to_string(wait).c_str());
  }
  if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED) header("Allow", "GET, HEAD");
  return out;
}

}  // namespace throttlelens
