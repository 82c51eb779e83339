// SPDX-License-Identifier: Apache-2.0
// The file that web_config_file names: TLS, passwords and headers, in the format of Prometheus'
// exporter-toolkit (docs/web-configuration.md there). What that format knows and this daemon does
// not do is an error, unless nobody can be worse off without it.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace throttlelens {

struct WebConfig {
  enum class TlsVersion { tls12, tls13 };

  struct Tls {
    std::string certificate;  ///< PEM, the server's first; of cert_file or cert
    std::string key;          ///< PEM, secret; of key_file or key
    std::string client_ca;    ///< PEM; empty: clients need no certificate
    TlsVersion min = TlsVersion::tls12;
    TlsVersion max = TlsVersion::tls13;
    friend bool operator==(const Tls&, const Tls&) = default;
  };
  struct User {
    std::string name;
    std::string hash;  ///< bcrypt: "$2y$10$…"; secret
    friend bool operator==(const User&, const User&) = default;
  };
  struct Header {
    std::string name;
    std::string value;
    friend bool operator==(const Header&, const Header&) = default;
  };

  std::optional<Tls> tls;       ///< absent: in the clear
  std::vector<User> users;      ///< empty: no password
  std::vector<Header> headers;  ///< of every answer
  friend bool operator==(const WebConfig&, const WebConfig&) = default;
};

/// Which content a path leads to, of stat(2): another one after a file was written or replaced, or
/// a symbolic link on the way was changed, as the kubelet does when a Secret changes.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;            ///< bytes
  std::int64_t modified = 0;        ///< nanoseconds since the epoch
  std::int64_t status_changed = 0;  ///< likewise
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

struct SeenFile {
  std::string path;
  std::optional<FileIdentity> identity;  ///< absent: no file that can be read
  friend bool operator==(const SeenFile&, const SeenFile&) = default;
};

/// Follows the path anew; absent when there is nothing.
std::optional<FileIdentity> identity_of(const std::string& path);

/// Text of a file, or why not, as the end of a sentence.
using ReadFile = std::function<std::expected<std::string, std::string>(const std::string& path)>;

/// Relative paths in the file start from its own folder. No message holds a key or a hash.
std::expected<WebConfig, ConfigProblems> parse_web_config(std::string_view yaml,
                                                          std::string file_name,
                                                          const ReadFile& read);

struct LoadedWebConfig {
  std::expected<WebConfig, ConfigProblems> config;
  std::vector<SeenFile> seen;  ///< the file and all it names, as they were when they were read
};

LoadedWebConfig load_web_config(const std::string& path);

}  // namespace throttlelens
