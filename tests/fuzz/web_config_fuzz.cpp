// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, the reader must answer with a configuration that can be served, or with
// problems; and what would weaken it is never taken in silence.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/web_config.h"

using namespace throttlelens;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const WebConfig& web) {
  if (web.tls) {
    require(!web.tls->certificate.empty() && !web.tls->key.empty());
    require(web.tls->min <= web.tls->max);
  }
  for (const auto& user : web.users) {
    require(!user.name.empty() && !user.name.contains(':') && user.hash.size() == 60);
    require(user.hash.starts_with("$2") && user.hash[3] == '$' && user.hash[6] == '$');
  }
  for (const auto& header : web.headers) {
    require(std::ranges::all_of(header.name + header.value,
                                [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto read = [](const std::string& path) -> std::expected<std::string, std::string> {
    if (path.size() % 2 == 0) return std::unexpected("no such file");
    return "PEM";
  };
  const auto web = parse_web_config(text, "/fuzz/web.yml", read);
  if (web) {
    check(*web);
    return 0;
  }
  require(!web.error().empty() && web.error().size() <= 101);
  for (const auto& problem : web.error()) {
    require(!problem.message.empty() && (problem.line > 0) == (problem.column > 0));
    require(std::ranges::none_of(
        problem.text(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
  }
  return 0;
}
