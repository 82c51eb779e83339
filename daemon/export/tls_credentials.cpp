// SPDX-License-Identifier: Apache-2.0
#include "tls_credentials.h"

#include <limits>
#include <string>

#include <gnutls/x509.h>

namespace throttlelens {

namespace {

/// Only suites that keep a recorded conversation secret when the key is stolen later (ECDHE), and
/// that encrypt and authenticate in one (AEAD).
std::string priority_text(TlsVersion min, TlsVersion max) {
  std::string versions;
  if (max == TlsVersion::tls13) versions += ":+VERS-TLS1.3";
  if (min == TlsVersion::tls12) versions += ":+VERS-TLS1.2";
  return "NORMAL:-VERS-ALL" + versions +
         ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA"
         ":-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD"
         ":%SERVER_PRECEDENCE";
}

gnutls_datum_t datum(const std::string& text) {
  auto* const bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
  return {.data = bytes, .size = static_cast<unsigned>(text.size())};
}

std::unexpected<Error> refused(const char* what, int code, const char* fix) {
  return std::unexpected(Error{.what = what, .on = "", .why = ::gnutls_strerror(code), .fix = fix});
}

}  // namespace

Result<std::shared_ptr<const TlsCredentials>> TlsCredentials::create(const HttpTls& tls) {
  std::shared_ptr<TlsCredentials> made(new TlsCredentials);
  if (auto loaded = made->load(tls); !loaded) return std::unexpected(std::move(loaded.error()));
  return made;
}

Result<void> TlsCredentials::load(const HttpTls& tls) {
  int code = ::gnutls_certificate_allocate_credentials(&certificate_);
  if (code < 0) return refused("prepare TLS", code, "");

  const gnutls_datum_t certificate = datum(tls.certificate);
  const gnutls_datum_t key = datum(tls.key);
  code =
      ::gnutls_certificate_set_x509_key_mem(certificate_, &certificate, &key, GNUTLS_X509_FMT_PEM);
  if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
    return refused("use the certificate with the key", code,
                   "they must be of one pair, the server's certificate the first in its file");
  }
  if (code < 0) {
    return refused("use the certificate and the key", code,
                   "both must be PEM, and the key not encrypted");
  }
  if (!tls.client_ca.empty()) {
    const gnutls_datum_t ca = datum(tls.client_ca);
    code = ::gnutls_certificate_set_x509_trust_mem(certificate_, &ca, GNUTLS_X509_FMT_PEM);
    if (code == 0) code = GNUTLS_E_NO_CERTIFICATE_FOUND;
    if (code < 0) return refused("use the CA of the clients", code, "it must be PEM");
    asks_clients_ = true;
  }
  code = ::gnutls_priority_init2(&priority_, priority_text(tls.min, tls.max).c_str(), nullptr, 0);
  if (code < 0) return refused("set the versions of TLS", code, "");
  return {};
}

TlsCredentials::~TlsCredentials() {
  if (priority_ != nullptr) ::gnutls_priority_deinit(priority_);
  if (certificate_ != nullptr) ::gnutls_certificate_free_credentials(certificate_);
}

bool TlsCredentials::use_in(gnutls_session_t session) const {
  if (::gnutls_priority_set(session, priority_) < 0 ||
      ::gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, certificate_) < 0) {
    return false;
  }
  if (!asks_clients_) {
    ::gnutls_certificate_server_set_request(session, GNUTLS_CERT_IGNORE);
    return true;
  }
  // A certificate that a server has must not open what clients are let into.
  static gnutls_typed_vdata_st purpose{
      .type = GNUTLS_DT_KEY_PURPOSE_OID,
      .data = reinterpret_cast<unsigned char*>(const_cast<char*>(GNUTLS_KP_TLS_WWW_CLIENT)),
      .size = 0};
  ::gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
  ::gnutls_session_set_verify_cert2(session, &purpose, 1, 0);
  return true;
}

}  // namespace throttlelens
