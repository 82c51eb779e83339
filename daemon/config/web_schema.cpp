// SPDX-License-Identifier: Apache-2.0
#include "web_schema.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "map_keys.h"
#include "nearest.h"
#include "values.h"
#include "web_tls.h"
#include "web_users.h"

namespace throttlelens::config {
namespace {

using Kind = YamlNode::Kind;

struct Draft {
  std::optional<TlsEntries> tls;
  WebConfig config;
};

using E = const Entry&;
using P = Problems&;

using Key = SchemaKey<Draft>;

bool is_empty(E entry) {
  const YamlNode& value = *entry.value;
  return value.kind == Kind::nothing || (value.kind == Kind::list && value.items.empty());
}

/// For lists that would narrow what is allowed, so that leaving them out is no answer.
void refuse_list(E entry, std::string_view fix, P problems) {
  if (!is_empty(entry)) problems.add(entry.key, entry.name + " " + std::string(fix));
}

void check_boolean(E entry, P problems) {
  bool unused = false;
  constexpr Choice<bool> kWords[] = {{"true", true}, {"false", false}};
  read_choice(entry, kWords, unused, problems);
}

constexpr std::string_view kCiphers =
    "cannot be chosen here: TLS 1.2 is served with ECDHE and AES-GCM or ChaCha20-Poly1305 only; "
    "remove it";
constexpr std::string_view kCurves =
    "cannot be chosen here; remove it, GnuTLS has none that is weak";
constexpr std::string_view kSans =
    "is not supported, and without it more clients would be let in than meant; remove it, and let "
    "client_ca_file be a CA that signs only those";
constexpr std::string_view kRate =
    "is not supported: connections are bounded in number, in number for one address and in time; "
    "remove it";

constexpr std::string_view kTls = "tls_server_config";
constexpr std::string_view kHttp = "http_server_config";
constexpr std::string_view kUsers = "basic_auth_users";

constexpr std::array kKeys{
    Key{kTls, "cert", [](E e, Draft& d, P) { d.tls->certificate.here = e; }},
    Key{kTls, "key", [](E e, Draft& d, P) { d.tls->key.here = e; }},
    Key{kTls, "client_ca", [](E e, Draft& d, P) { d.tls->client_ca.here = e; }},
    Key{kTls, "cert_file", [](E e, Draft& d, P) { d.tls->certificate.file = e; }},
    Key{kTls, "key_file", [](E e, Draft& d, P) { d.tls->key.file = e; }},
    Key{kTls, "client_ca_file", [](E e, Draft& d, P) { d.tls->client_ca.file = e; }},
    Key{kTls, "client_auth_type", [](E e, Draft& d, P) { d.tls->client_auth = e; }},
    Key{kTls, "client_allowed_sans", [](E e, Draft&, P p) { refuse_list(e, kSans, p); }},
    Key{kTls, "min_version", [](E e, Draft& d, P) { d.tls->min_version = e; }},
    Key{kTls, "max_version", [](E e, Draft& d, P) { d.tls->max_version = e; }},
    Key{kTls, "cipher_suites", [](E e, Draft&, P p) { refuse_list(e, kCiphers, p); }},
    Key{kTls, "curve_preferences", [](E e, Draft&, P p) { refuse_list(e, kCurves, p); }},
    // Whose order decides among suites that are all good.
    Key{kTls, "prefer_server_cipher_suites", [](E e, Draft&, P p) { check_boolean(e, p); }},
    // HTTP/1.1 is what every client falls back to.
    Key{kHttp, "http2", [](E e, Draft&, P p) { check_boolean(e, p); }},
    Key{kHttp, "headers", [](E e, Draft& d, P p) { d.config.headers = read_headers(e, p); }},
    Key{"", kUsers, [](E e, Draft& d, P p) { d.config.users = read_users(e, p); }},
    Key{"", "rate_limit", [](E e, Draft&, P p) { refuse_list(e, kRate, p); }},
};

std::vector<std::string_view> words_in(std::string_view section) {
  std::vector<std::string_view> words;
  for (const auto& key : kKeys) {
    if (key.section == section) words.push_back(key.name);
  }
  if (section.empty()) words.insert(words.end(), {kTls, kHttp});
  return words;
}

void read_key(const YamlNode& key, const YamlNode& item, std::string_view section, Draft& draft,
              P problems) {
  const auto* const known = std::ranges::find_if(
      kKeys, [&](const Key& k) { return k.section == section && k.name == key.text; });
  if (known != kKeys.end()) {
    return known->read({.name = known->dotted(), .key = key.place, .value = &item}, draft,
                       problems);
  }
  const auto words = words_in(section);
  const auto near = nearest(key.text, words);
  problems.add(key.place, "unknown key " + quoted(key.text) +
                              (section.empty() ? "" : " in " + quoted(section)) +
                              (near.empty() ? "; valid keys here are " + listed(words)
                                            : "; did you mean " + quoted(near) + "?"));
}

void read_section(const YamlNode& name, const YamlNode& value, Draft& draft, P problems) {
  if (value.kind == Kind::refused) return;
  if (value.kind != Kind::map) {
    problems.add(name.place, name.text +
                                 " is a section; below it, indented, write one or more "
                                 "of: " +
                                 listed(words_in(name.text)));
    return;
  }
  if (name.text == kTls) {
    draft.tls = TlsEntries{};
    draft.tls->section = {.name = name.text, .key = name.place, .value = &value};
  }
  for_each_key(value, problems, [&](const YamlNode& key, const YamlNode& item) {
    read_key(key, item, name.text, draft, problems);
  });
}

}  // namespace

WebConfig read_web_config(const YamlNode& root, const WebSource& source, Problems& problems) {
  if (root.kind == Kind::nothing || root.kind == Kind::refused) return {};
  if (root.kind != Kind::map) {
    problems.add(root.place, "the file must be a map; write \"key: value\" lines");
    return {};
  }
  Draft draft;
  for_each_key(root, problems, [&](const YamlNode& key, const YamlNode& item) {
    if (key.text == kTls || key.text == kHttp) return read_section(key, item, draft, problems);
    read_key(key, item, {}, draft, problems);
  });
  if (draft.tls) draft.config.tls = read_tls(*draft.tls, source, problems);
  return std::move(draft.config);
}

}  // namespace throttlelens::config
