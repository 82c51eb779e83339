// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "config_helpers.h"

using namespace throttlelens;

TEST_CASE("addresses to listen on") {
  for (const auto* const listen :
       {"127.0.0.1:9976", "0.0.0.0:1", "10.0.0.1:65535", "127.0.0.1:0", "[::]:9976", "[::1]:80",
        "[fd00::a:1]:9976", "[::ffff:1.2.3.4]:9976"}) {
    INFO(listen);
    CHECK(listen_problem(listen) == std::nullopt);
    const auto config = parse_config("listen: \"" + std::string(listen) + "\"\n", "f");
    REQUIRE(config.has_value());
    CHECK(config->listen == listen);
  }
}

TEST_CASE("what cannot be listened on says why and how to write it") {
  const std::string forms =
      "; write ADDRESS:PORT, as in 127.0.0.1:9976, or [::]:9976 for all addresses";
  const std::string no_v4 = "does not start with an IPv4 address (names are not looked up)";
  const std::string no_v6 = "has no valid IPv6 address between the brackets";
  const std::string no_port = "has a port that is not a number from 0 to 65535";
  const std::string half = "has a bracket without its pair, or no port";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "has no port"},
      {"9976", "has no port"},
      {"127.0.0.1", "has no port"},
      {":9976", "has no address"},
      {"::1", "is an IPv6 address without brackets or port"},
      {"::", "is an IPv6 address without brackets or port"},
      {"fd00::1:2:3:4:9976", "is an IPv6 address without brackets or port"},
      {"1:2:3:4:5:6:7:8:9976", "has an IPv6 address without brackets"},
      {"[::1]", half},
      {"[::1:9976", half},
      {"::1]:9976", half},
      {"[:1", half},
      {"[]:1", no_v6},
      {"[127.0.0.1]:1", no_v6},
      {"[fe80::1%eth0]:1", no_v6},
      {"localhost:9976", no_v4},
      {"127.0.0.256:1", no_v4},
      {"127.1:1", no_v4},
      {" 127.0.0.1:1", no_v4},
      {std::string("127.0.0.1\0:1", 12), no_v4},
      {"127.0.0.1:", no_port},
      {"127.0.0.1:65536", no_port},
      {"127.0.0.1:-1", no_port},
      {"127.0.0.1:80 ", no_port},
      {"127.0.0.1:http", no_port},
  };
  for (const auto& [listen, why] : cases) {
    INFO(listen);
    CHECK(listen_problem(listen) == why + forms);
  }
  CHECK(problem_of("listen: localhost:80\n") == "f:1:9: listen: \"localhost:80\" " + no_v4 + forms);
}
