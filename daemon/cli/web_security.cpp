// SPDX-License-Identifier: Apache-2.0
#include "web_security.h"

namespace throttlelens {
namespace {

TlsVersion version(WebConfig::TlsVersion wanted) {
  return wanted == WebConfig::TlsVersion::tls13 ? TlsVersion::tls13 : TlsVersion::tls12;
}

}  // namespace

HttpSecurity http_security(const WebConfig& web) {
  HttpSecurity out;
  if (web.tls) {
    out.tls = {.certificate = web.tls->certificate,
               .key = web.tls->key,
               .client_ca = web.tls->client_ca,
               .min = version(web.tls->min),
               .max = version(web.tls->max)};
  }
  for (const auto& [name, hash] : web.users) out.users.push_back({.name = name, .hash = hash});
  for (const auto& [name, value] : web.headers) {
    out.headers.push_back({.name = name, .value = value});
  }
  return out;
}

ConfigProblems web_config_problems(const std::string& path) {
  const LoadedWebConfig loaded = load_web_config(path);
  if (!loaded.config) return loaded.config.error();
  const auto checked = check_security(http_security(*loaded.config));
  if (checked) return {};
  return {{.file = path, .message = checked.error().message()}};
}

}  // namespace throttlelens
