// SPDX-License-Identifier: Apache-2.0
#include "bundle.h"

#include <array>

#include "member_texts.h"

namespace throttlelens::runtime {
namespace {

std::optional<std::uint64_t> read_shares(std::string_view linux_part) {
  for (const std::string_view name : {"resources", "cpu", "shares"}) {
    std::array member{JsonMember{.name = name, .value = {}}};
    if (!find_members(linux_part, member)) return std::nullopt;
    linux_part = member[0].value;
  }
  const auto shares = json_unsigned(linux_part);
  return shares && *shares != 0 ? shares : std::nullopt;  // 0: not set
}

std::string read_runtime(std::span<const JsonMember> annotations) {
  const std::string manager = first_text(annotations, {"io.container.manager"});
  if (manager == "cri-o") return "crio";
  if (manager == "libpod") return "podman";
  return {};
}

}  // namespace

std::optional<Names> parse_bundle(std::string_view text) {
  std::array top{JsonMember{.name = "annotations", .value = {}},
                 JsonMember{.name = "linux", .value = {}}};
  if (text.size() > kLargestFile || !find_members(text, top)) return std::nullopt;
  std::array annotations{
      JsonMember{.name = "io.kubernetes.cri.sandbox-namespace", .value = {}},
      JsonMember{.name = "io.kubernetes.cri.sandbox-name", .value = {}},
      JsonMember{.name = "io.kubernetes.cri.sandbox-uid", .value = {}},
      JsonMember{.name = "io.kubernetes.cri.container-name", .value = {}},
      JsonMember{.name = "io.kubernetes.cri.container-type", .value = {}},
      JsonMember{.name = "io.kubernetes.cri.image-name", .value = {}},
      JsonMember{.name = "io.kubernetes.pod.namespace", .value = {}},
      JsonMember{.name = "io.kubernetes.pod.name", .value = {}},
      JsonMember{.name = "io.kubernetes.pod.uid", .value = {}},
      JsonMember{.name = "io.kubernetes.container.name", .value = {}},
      JsonMember{.name = "io.kubernetes.cri-o.ContainerType", .value = {}},
      JsonMember{.name = "io.kubernetes.cri-o.ImageName", .value = {}},
      JsonMember{.name = "io.kubernetes.cri-o.SandboxID", .value = {}},
      JsonMember{.name = "io.container.manager", .value = {}},
      JsonMember{.name = "nerdctl/name", .value = {}},
  };
  if (!find_members_if_any(top[0].value, annotations)) return std::nullopt;
  const auto text_of = [&](std::initializer_list<std::string_view> names) {
    return first_text(annotations, names);
  };
  const std::string type =
      text_of({"io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"});
  Names names{
      .runtime = read_runtime(annotations),
      .role = type == "sandbox" ? ContainerRole::sandbox : ContainerRole::application,
      .pod_namespace =
          text_of({"io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"}),
      .pod = text_of({"io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"}),
      .uid = text_of({"io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"}),
      .container = text_of(
          {"io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"}),
      .image = text_of({"io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"}),
      .shares = read_shares(top[1].value),
  };
  if (names.runtime == "podman" && names.pod.empty()) {  // the pod's id: its name is in no file
    names.pod = text_of({"io.kubernetes.cri-o.SandboxID"});
  }
  return names;
}

}  // namespace throttlelens::runtime
