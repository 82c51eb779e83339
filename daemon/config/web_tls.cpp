// SPDX-License-Identifier: Apache-2.0
#include "web_tls.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace throttlelens::config {
namespace {

using Tls = WebConfig::Tls;
using Version = WebConfig::TlsVersion;

enum class ClientAuth { none, required };

/// Empty after reporting why there is none. Not read_text(), whose messages quote what may be a
/// key.
std::string text_here(const Entry& entry, Problems& problems) {
  auto text = scalar_of(entry, problems).value_or("");
  if (text.empty() && entry.value->kind == YamlNode::Kind::text) {
    problems.add(place_of(entry), entry.name + " is empty; write PEM text");
  }
  return text;
}

/// Empty after reporting why there is none.
std::string text_of_file(const Entry& entry, const WebSource& source, Problems& problems) {
  std::string path;
  read_text(entry, path, problems);
  if (path.empty()) {
    if (entry.value->kind == YamlNode::Kind::text && entry.value->text.empty()) {
      problems.add(place_of(entry), entry.name + " is empty; write the path of a file");
    }
    return {};
  }
  path = (std::filesystem::path(source.folder) / path).string();
  auto text = source.read(path);
  if (!text || text->empty()) {
    problems.add(place_of(entry), entry.name + ": " + config::quoted(path) + ": " +
                                      (text ? "the file is empty" : text.error()));
    return {};
  }
  return std::move(*text);
}

/// The text itself, or that of the file; empty after reporting why there is none.
std::string text_of(const TextEntry& entry, const WebSource& source, Problems& problems) {
  if (entry.here && entry.file) {
    problems.add(entry.here->key, entry.here->name + " and " + entry.file->name +
                                      " are two ways to say the same; remove one of them");
    return {};
  }
  if (entry.here) return text_here(*entry.here, problems);
  if (entry.file) return text_of_file(*entry.file, source, problems);
  return {};
}

bool given(const TextEntry& entry) {
  return entry.here || entry.file;
}

void read_version(const std::optional<Entry>& entry, Version& out, Problems& problems) {
  if (!entry) return;
  if (entry->value->text == "TLS10" || entry->value->text == "TLS11") {
    problems.add(place_of(*entry), entry->name + ": " + config::quoted(entry->value->text) +
                                       " is broken, and not served; write TLS12 or TLS13");
    return;
  }
  constexpr Choice<Version> kVersions[] = {{"TLS12", Version::tls12}, {"TLS13", Version::tls13}};
  read_choice(*entry, kVersions, out, problems);
}

ClientAuth client_auth_of(const TlsEntries& entries, Problems& problems) {
  ClientAuth wanted = ClientAuth::none;
  if (!entries.client_auth) return wanted;
  const std::string& word = entries.client_auth->value->text;
  for (const std::string_view half :
       {"RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven"}) {
    if (word != half) continue;
    problems.add(place_of(*entries.client_auth),
                 entries.client_auth->name + ": " + config::quoted(word) +
                     " lets in who has no certificate of the CA; write "
                     "RequireAndVerifyClientCert, or NoClientCert");
    return wanted;
  }
  constexpr Choice<ClientAuth> kWords[] = {{"NoClientCert", ClientAuth::none},
                                           {"RequireAndVerifyClientCert", ClientAuth::required}};
  read_choice(*entries.client_auth, kWords, wanted, problems);
  return wanted;
}

void read_client_ca(const TlsEntries& entries, const WebSource& source, Tls& tls,
                    Problems& problems) {
  const bool required = client_auth_of(entries, problems) == ClientAuth::required;
  const bool has_ca = given(entries.client_ca);
  if (required && !has_ca && entries.client_auth) {
    problems.add(
        place_of(*entries.client_auth),
        entries.client_auth->name + " needs the CA of the clients; add client_ca_file beside it");
  }
  if (has_ca && !required && !entries.client_auth) {
    const Entry& ca = entries.client_ca.here ? *entries.client_ca.here : *entries.client_ca.file;
    problems.add(ca.key, ca.name +
                             " alone asks nobody for a certificate; add client_auth_type: "
                             "RequireAndVerifyClientCert, or remove it");
  }
  if (has_ca && required) tls.client_ca = text_of(entries.client_ca, source, problems);
}

}  // namespace

std::optional<Tls> read_tls(const TlsEntries& entries, const WebSource& source,
                            Problems& problems) {
  Tls tls;
  bool whole = true;
  const auto need = [&](const TextEntry& entry, std::string_view name, std::string& out) {
    if (given(entry)) {
      out = text_of(entry, source, problems);
    } else {
      problems.add(entries.section.key,
                   "tls_server_config has no " + std::string(name) + "; add it");
    }
    whole = whole && !out.empty();
  };
  need(entries.certificate, "cert_file", tls.certificate);
  need(entries.key, "key_file", tls.key);
  read_client_ca(entries, source, tls, problems);
  read_version(entries.min_version, tls.min, problems);
  read_version(entries.max_version, tls.max, problems);
  const auto& said = entries.min_version ? entries.min_version : entries.max_version;
  if (tls.max < tls.min && said) {
    problems.add(place_of(*said),
                 "tls_server_config.min_version is above max_version; no client could connect");
  }
  if (!whole) return std::nullopt;
  return tls;
}

}  // namespace throttlelens::config
