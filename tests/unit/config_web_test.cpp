// SPDX-License-Identifier: Apache-2.0
// The web-config.yml of Prometheus' exporter-toolkit, as far as it is served here.
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "config/web_config.h"

using namespace throttlelens;

namespace {

using Lines = std::vector<std::string>;
namespace fs = std::filesystem;

const std::string kHash = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";
const std::string kPair = "tls_server_config: {cert_file: c.pem, key_file: /k/key.pem";

/// The files there are.
std::expected<std::string, std::string> read(const std::string& path) {
  const std::map<std::string, std::string> files{
      {"/etc/c.pem", "CERT"}, {"/k/key.pem", "KEY"}, {"/etc/ca.pem", "CA"}, {"/etc/empty", ""}};
  const auto found = files.find(path);
  if (found == files.end()) return std::unexpected("cannot open the file: no");
  return found->second;
}

std::expected<WebConfig, ConfigProblems> parse(std::string_view yaml) {
  return parse_web_config(yaml, "/etc/f", read);
}

Lines problems_of(std::string_view yaml) {
  Lines lines;
  const auto config = parse(yaml);
  if (config) return lines;
  for (const auto& problem : config.error()) lines.push_back(problem.text());
  return lines;
}

std::string problem_of(std::string_view yaml) {
  const Lines lines = problems_of(yaml);
  return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " problems";
}

}  // namespace

TEST_CASE("an empty web configuration asks for nothing") {
  for (const auto* const text : {"", "# nothing\n", "basic_auth_users:\n", "{}"}) {
    REQUIRE(parse(text));
    CHECK(*parse(text) == WebConfig{});
  }
}

TEST_CASE("everything that is served") {
  const auto web = parse(
      "tls_server_config:\n"
      "  cert_file: c.pem\n"
      "  key_file: /k/key.pem\n"
      "  client_auth_type: RequireAndVerifyClientCert\n"
      "  client_ca_file: ca.pem\n"
      "  min_version: TLS13\n"
      "  max_version: TLS13\n"
      "  cipher_suites: []\n"
      "  prefer_server_cipher_suites: true\n"
      "  curve_preferences:\n"
      "  client_allowed_sans: []\n"
      "http_server_config:\n"
      "  http2: true\n"
      "  headers:\n"
      "    Strict-Transport-Security: max-age=60\n"
      "    X-Frame-Options: deny\n"
      "    X-XSS-Protection: ''\n"
      "basic_auth_users:\n"
      "  alice: " +
      kHash +
      "\n"
      "  bob: $2a$04$" +
      kHash.substr(7) + "\n");
  REQUIRE(web);
  WebConfig expected;
  expected.tls = {.certificate = "CERT",
                  .key = "KEY",
                  .client_ca = "CA",
                  .min = WebConfig::TlsVersion::tls13,
                  .max = WebConfig::TlsVersion::tls13};
  expected.users = {{.name = "alice", .hash = kHash},
                    {.name = "bob", .hash = "$2a$04$" + kHash.substr(7)}};
  expected.headers = {{.name = "Strict-Transport-Security", .value = "max-age=60"},
                      {.name = "X-Frame-Options", .value = "deny"}};
  CHECK(*web == expected);
}

TEST_CASE("TLS 1.2 to 1.3, and no client certificate, unless told otherwise") {
  const auto web = parse(kPair + ", client_auth_type: NoClientCert}\n");
  REQUIRE(web);
  CHECK(web->tls->min == WebConfig::TlsVersion::tls12);
  CHECK(web->tls->max == WebConfig::TlsVersion::tls13);
  CHECK(web->tls->client_ca.empty());
}

TEST_CASE("certificate and key may be in the file itself") {
  const auto web = parse(
      "tls_server_config:\n  cert: |\n    A\n    B\n  key: |\n    C\n  client_ca: D\n"
      "  client_auth_type: RequireAndVerifyClientCert\n");
  REQUIRE(web);
  CHECK(web->tls->certificate == "A\nB\n");
  CHECK(web->tls->key == "C\n");
  CHECK(web->tls->client_ca == "D");
  CHECK(problems_of("tls_server_config: {cert: a, cert_file: c.pem, key: b}\n") ==
        Lines{"/etc/f:1:21: tls_server_config.cert and tls_server_config.cert_file are two ways to "
              "say the same; remove one of them"});
}

TEST_CASE("files that are named and cannot be used") {
  CHECK(problem_of("tls_server_config:\n  cert_file: none.pem\n  key_file: /k/key.pem\n") ==
        "/etc/f:2:14: tls_server_config.cert_file: \"/etc/none.pem\": cannot open the file: no");
  CHECK(problem_of("tls_server_config:\n  cert_file: empty\n  key_file: /k/key.pem\n") ==
        "/etc/f:2:14: tls_server_config.cert_file: \"/etc/empty\": the file is empty");
  CHECK(problem_of("tls_server_config:\n  cert_file: ''\n  key_file: /k/key.pem\n") ==
        "/etc/f:2:14: tls_server_config.cert_file is empty; write the path of a file");
  CHECK(problem_of("tls_server_config:\n  cert: ''\n  key_file: /k/key.pem\n") ==
        "/etc/f:2:9: tls_server_config.cert is empty; write PEM text");
  CHECK(problems_of("tls_server_config: {min_version: TLS12}\n") ==
        Lines{"/etc/f:1:1: tls_server_config has no cert_file; add it",
              "/etc/f:1:1: tls_server_config has no key_file; add it"});
  CHECK(
      problem_of("tls_server_config:\n")
          .ends_with("max_version, cipher_suites, curve_preferences, prefer_server_cipher_suites"));
}

TEST_CASE("versions of TLS") {
  const std::string broken = " is broken, and not served; write TLS12 or TLS13";
  CHECK(problem_of(kPair + ", min_version: TLS10}\n") ==
        "/etc/f:1:74: tls_server_config.min_version: \"TLS10\"" + broken);
  CHECK(problem_of(kPair + ", max_version: TLS11, min_version: TLS12}\n") ==
        "/etc/f:1:74: tls_server_config.max_version: \"TLS11\"" + broken);
  CHECK(problem_of(kPair + ", min_version: TLS14}\n") ==
        "/etc/f:1:74: tls_server_config.min_version: unknown value \"TLS14\"; valid values are "
        "TLS12, TLS13; did you mean \"TLS12\"?");
  CHECK(problem_of(kPair + ", min_version: TLS13, max_version: TLS12}\n") ==
        "/etc/f:1:74: tls_server_config.min_version is above max_version; no client could "
        "connect");
}

TEST_CASE("certificates of clients are wanted wholly or not at all") {
  for (const std::string half :
       {"RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven"}) {
    CHECK(problem_of(kPair + ", client_auth_type: " + half + "}\n") ==
          "/etc/f:1:79: tls_server_config.client_auth_type: \"" + half +
              "\" lets in who has no certificate of the CA; write RequireAndVerifyClientCert, or "
              "NoClientCert");
  }
  CHECK(problem_of(kPair + ", client_auth_type: RequireAndVerifyClientCert}\n") ==
        "/etc/f:1:79: tls_server_config.client_auth_type needs the CA of the clients; add "
        "client_ca_file beside it");
  CHECK(problem_of(kPair + ", client_ca_file: ca.pem}\n") ==
        "/etc/f:1:61: tls_server_config.client_ca_file alone asks nobody for a certificate; add "
        "client_auth_type: RequireAndVerifyClientCert, or remove it");
  CHECK(problem_of(kPair + ", client_auth_type: requireandverifyclientcert}\n")
            .ends_with("did you mean \"RequireAndVerifyClientCert\"?"));
}

TEST_CASE("what would narrow who or what is let in is never ignored") {
  CHECK(problem_of(kPair + ", cipher_suites: [TLS_X]}\n")
            .starts_with("/etc/f:1:61: tls_server_config.cipher_suites cannot be chosen here"));
  CHECK(problem_of(kPair + ", curve_preferences: [CurveP256]}\n")
            .starts_with("/etc/f:1:61: tls_server_config.curve_preferences cannot be chosen"));
  CHECK(problem_of(kPair + ", client_allowed_sans: [a]}\n")
            .starts_with("/etc/f:1:61: tls_server_config.client_allowed_sans is not supported"));
  CHECK(problem_of("rate_limit: {interval: 1s, burst: 20}\n")
            .starts_with("/etc/f:1:1: rate_limit is not supported"));
}

TEST_CASE("unknown keys have a nearest one") {
  CHECK(problem_of("tls_sever_config: {}\n") ==
        "/etc/f:1:1: unknown key \"tls_sever_config\"; did you mean \"tls_server_config\"?");
  CHECK(problem_of(kPair + ", min_versoin: TLS12}\n") ==
        "/etc/f:1:61: unknown key \"min_versoin\" in \"tls_server_config\"; did you mean "
        "\"min_version\"?");
  CHECK(problem_of("web: 1\n") ==
        "/etc/f:1:1: unknown key \"web\"; valid keys here are basic_auth_users, rate_limit, "
        "tls_server_config, http_server_config");
  CHECK(problem_of("basic_auth_users: {a: " + kHash + ", a: " + kHash + "}\n") ==
        "/etc/f:1:85: duplicate key \"a\", first written in line 1; remove one of them");
  CHECK(problem_of("- a\n") == "/etc/f:1:1: the file must be a map; write \"key: value\" lines");
  CHECK(problem_of("http_server_config: {http2: maybe}\n")
            .starts_with("/etc/f:1:29: http_server_config.http2: unknown value \"maybe\""));
}

TEST_CASE("a password must be a bcrypt hash that can be checked in time") {
  for (const std::string& bad :
       {std::string("secret"), kHash.substr(0, 59), kHash + "x", "$2x" + kHash.substr(3),
        "$1" + kHash.substr(2), "$2y$1x$" + kHash.substr(7), "$2y$100" + kHash.substr(7),
        kHash.substr(0, 59) + "*", std::string("$6$salt$hash")}) {
    CAPTURE(bad);
    CHECK(problem_of("basic_auth_users: {a: '" + bad + "'}\n")
              .starts_with("/etc/f:1:23: basic_auth_users: what is given for \"a\" is not the "
                           "bcrypt hash of a password; "));
  }
  for (const auto* const cost : {"03", "17", "31"}) {
    CHECK(problem_of("basic_auth_users:\n  a: $2y$" + std::string(cost) + "$" + kHash.substr(7) +
                     "\n") ==
          "/etc/f:2:6: basic_auth_users: what is given for \"a\" has a bcrypt cost of " +
              std::to_string(std::stoi(cost)) +
              "; it must be from 4 to 16, and 10 is usual: each one more doubles the time a login "
              "takes");
  }
  for (const auto* const cost : {"04", "16"}) {
    CHECK(parse("basic_auth_users: {a: $2b$" + std::string(cost) + "$" + kHash.substr(7) + "}\n"));
  }
  CHECK(problem_of("basic_auth_users: [a]\n") ==
        "/etc/f:1:19: basic_auth_users must be a map of names and bcrypt hashes");
  CHECK(problem_of("basic_auth_users: {'a:b': " + kHash + "}\n") ==
        "/etc/f:1:20: basic_auth_users: the name \"a:b\" must have characters, and no colon among "
        "them");
  CHECK(problem_of("basic_auth_users: {'': " + kHash + "}\n").contains("must have characters"));
}

TEST_CASE("no message holds a secret") {
  // Name and hash in the wrong order, a hash where a list or a map is expected, a key for a path.
  for (const std::string& yaml :
       {"basic_auth_users: {" + kHash + ": alice}\n", "basic_auth_users: {a: " + kHash + "1}\n",
        "basic_auth_users: " + kHash + "\n", "basic_auth_users: {a: [" + kHash + "]}\n",
        "tls_server_config: {cert: 1, key: " + kHash + ", key_file: x}\n"}) {
    const Lines lines = problems_of(yaml);
    CAPTURE(yaml);
    CHECK_FALSE(lines.empty());
    for (const auto& line : lines) CHECK_FALSE(line.contains(kHash.substr(7, 20)));
  }
}

TEST_CASE("headers") {
  CHECK(problem_of("http_server_config: {headers: {X-Frame-Option: deny}}\n") ==
        "/etc/f:1:32: unknown header \"X-Frame-Option\"; did you mean \"X-Frame-Options\"?");
  CHECK(problem_of("http_server_config: {headers: {Server: x}}\n")
            .starts_with("/etc/f:1:32: unknown header \"Server\"; valid headers are Content-"));
  CHECK(problem_of("http_server_config: {headers: {X-Frame-Options: allow}}\n") ==
        "/etc/f:1:49: http_server_config.headers.X-Frame-Options: \"allow\" must be deny or "
        "sameorigin");
  CHECK(problem_of("http_server_config: {headers: {X-Content-Type-Options: no}}\n")
            .ends_with("\"no\" must be nosniff"));
  CHECK(problem_of("http_server_config: {headers: {X-XSS-Protection: \"a\\r\\nB: c\"}}\n")
            .ends_with("\"a\\x0d\\x0aB: c\" must be plain printable text"));
  CHECK(parse("http_server_config: {headers: {X-Frame-Options: sameorigin}}\n"));
}

TEST_CASE("what was read is known again, and what was replaced is not") {
  std::string folder = (fs::temp_directory_path() / "throttlelens-web-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const auto write = [&folder](const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name) << text;
  };
  // As the kubelet lays out a Secret: what is named is a link into a folder that is a link.
  fs::create_directory(folder + "/one");
  write("one/tls.crt", "CERT");
  write("one/tls.key", "KEY");
  fs::create_directory_symlink("one", folder + "/data");
  write("web.yml", "tls_server_config: {cert_file: data/tls.crt, key_file: data/tls.key}\n");
  const auto loaded = load_web_config(folder + "/web.yml");
  REQUIRE(loaded.config);
  CHECK(loaded.config->tls->certificate == "CERT");
  REQUIRE(loaded.seen.size() == 3);
  for (const auto& file : loaded.seen) {
    CHECK(file.identity);
    CHECK(identity_of(file.path) == file.identity);
  }

  fs::create_directory(folder + "/two");
  write("two/tls.crt", "CERT");
  fs::create_directory_symlink("two", folder + "/next");
  fs::rename(folder + "/next", folder + "/data");
  CHECK(identity_of(loaded.seen[0].path) == loaded.seen[0].identity);
  CHECK(identity_of(loaded.seen[1].path) != loaded.seen[1].identity);
  CHECK_FALSE(identity_of(loaded.seen[2].path));

  // What is not there yet is waited for.
  const auto broken = load_web_config(folder + "/web.yml");
  REQUIRE_FALSE(broken.config);
  CHECK(broken.config.error().front().text().ends_with(
      "/data/tls.key\": cannot open the file: No such file or directory"));
  REQUIRE(broken.seen.size() == 3);
  CHECK_FALSE(broken.seen[2].identity);
  fs::remove_all(folder);
}
