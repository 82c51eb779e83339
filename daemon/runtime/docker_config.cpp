// SPDX-License-Identifier: Apache-2.0
#include "docker_config.h"

#include <array>

#include "member_texts.h"

namespace throttlelens::runtime {

std::optional<Names> parse_docker_config(std::string_view text) {
  std::array top{JsonMember{.name = "Name", .value = {}},
                 JsonMember{.name = "Config", .value = {}}};
  if (text.size() > kLargestFile || !find_members(text, top)) return std::nullopt;
  std::array config{JsonMember{.name = "Image", .value = {}},
                    JsonMember{.name = "Labels", .value = {}}};
  if (!find_members_if_any(top[1].value, config)) return std::nullopt;
  std::array labels{
      JsonMember{.name = "io.kubernetes.pod.namespace", .value = {}},
      JsonMember{.name = "io.kubernetes.pod.name", .value = {}},
      JsonMember{.name = "io.kubernetes.pod.uid", .value = {}},
      JsonMember{.name = "io.kubernetes.container.name", .value = {}},
      JsonMember{.name = "io.kubernetes.docker.type", .value = {}},
  };
  if (!find_members_if_any(config[1].value, labels)) return std::nullopt;
  const bool sandbox = first_text(labels, {"io.kubernetes.docker.type"}) == "podsandbox";
  Names names{
      .runtime = "docker",
      .role = sandbox ? ContainerRole::sandbox : ContainerRole::application,
      .pod_namespace = first_text(labels, {"io.kubernetes.pod.namespace"}),
      .pod = first_text(labels, {"io.kubernetes.pod.name"}),
      .uid = first_text(labels, {"io.kubernetes.pod.uid"}),
      .container = first_text(labels, {"io.kubernetes.container.name"}),
      .image = first_text(config, {"Image"}),
      .shares = std::nullopt,
  };
  if (names.container.empty()) {
    names.container = first_text(top, {"Name"});
    if (names.container.starts_with('/')) names.container.erase(0, 1);
  }
  return names;
}

std::optional<std::uint64_t> parse_docker_shares(std::string_view text) {
  std::array shares{JsonMember{.name = "CpuShares", .value = {}}};
  if (text.size() > kLargestFile || !find_members(text, shares)) return std::nullopt;
  const auto value = json_unsigned(shares[0].value);
  return value && *value != 0 ? value : std::nullopt;
}

}  // namespace throttlelens::runtime
