// SPDX-License-Identifier: Apache-2.0
#include "pods.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>
#include <sched.h>

namespace throttlelens::test {

namespace {

using Json = nlohmann::ordered_json;  // in the order in which the runtimes write it

std::string hexadecimal(std::uint64_t number, int digits) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%0*llx", digits,
                static_cast<unsigned long long>(number));
  return text.data();
}

// Spreads the number over all digits, so that no id is the beginning of another.
std::uint64_t spread(std::uint64_t number) {
  return (number + 1) * 0x9e3779b97f4a7c15U;
}

Json bundle(const Json& annotations, std::uint64_t shares) {
  return {{"ociVersion", "1.0.2-dev"},
          {"process",
           {{"user", {{"uid", 0}, {"gid", 0}}},
            {"args", {"/app", "--serve"}},
            {"env", {"PATH=/bin", "TOKEN=not to be read"}},
            {"cwd", "/"}}},
          {"root", {{"path", "rootfs"}}},
          {"mounts", Json::array({Json{{"destination", "/proc"}, {"type", "proc"}}})},
          {"annotations", annotations},
          {"linux",
           {{"resources", {{"memory", Json::object()}, {"cpu", {{"shares", shares}}}}},
            {"namespaces", Json::array({Json{{"type", "pid"}}})}}}};
}

}  // namespace

std::string container_id(std::uint64_t number) {
  std::string id;
  for (std::uint64_t part = 0; part < 4; ++part) id += hexadecimal(spread(4 * number + part), 16);
  return id;
}

std::string pod_uid(std::uint64_t number) {
  const std::string digits = hexadecimal(spread(number), 16) + hexadecimal(spread(~number), 16);
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-4" + digits.substr(13, 3) + "-a" +
         digits.substr(17, 3) + "-" + digits.substr(20, 12);
}

std::string unit_uid(std::string uid) {
  std::ranges::replace(uid, '-', '_');
  return uid;
}

ScopedCgroup& CgroupForest::at(const std::string& below) {
  if (const auto known = made_.find(below); known != made_.end()) return known->second;
  const std::size_t slash = below.rfind('/');
  ScopedCgroup& above = slash == std::string::npos ? top_ : at(below.substr(0, slash));
  return made_.emplace(below, above.child(below.substr(slash + 1))).first->second;
}

std::string containerd_bundle(const Described& what) {
  const bool sandbox = what.container.empty();
  Json annotations;
  if (!sandbox) annotations["io.kubernetes.cri.container-name"] = what.container;
  annotations["io.kubernetes.cri.container-type"] = sandbox ? "sandbox" : "container";
  if (!sandbox) annotations["io.kubernetes.cri.image-name"] = "registry.example/app:1";
  annotations["io.kubernetes.cri.sandbox-name"] = what.pod;
  annotations["io.kubernetes.cri.sandbox-namespace"] = what.pod_namespace;
  annotations["io.kubernetes.cri.sandbox-uid"] = what.uid;
  return bundle(annotations, what.shares).dump();
}

std::string crio_bundle(const Described& what) {
  const bool sandbox = what.container.empty();
  return bundle({{"io.container.manager", "cri-o"},
                 {"io.kubernetes.container.name", sandbox ? "POD" : what.container},
                 {"io.kubernetes.cri-o.ContainerType", sandbox ? "sandbox" : "container"},
                 {"io.kubernetes.cri-o.ImageName", "registry.example/app:1"},
                 {"io.kubernetes.pod.name", what.pod},
                 {"io.kubernetes.pod.namespace", what.pod_namespace},
                 {"io.kubernetes.pod.uid", what.uid}},
                what.shares)
      .dump();
}

std::string podman_bundle(std::uint64_t shares) {
  return bundle({{"io.container.manager", "libpod"}, {"io.kubernetes.cri-o.TTY", "false"}}, shares)
      .dump();
}

std::string docker_config(const Described& what) {
  Json labels = Json::object();
  std::string name = "/" + what.container;
  if (!what.pod.empty()) {
    const bool sandbox = what.container.empty();
    const std::string container = sandbox ? "POD" : what.container;
    labels = {{"io.kubernetes.container.name", container},
              {"io.kubernetes.docker.type", sandbox ? "podsandbox" : "container"},
              {"io.kubernetes.pod.name", what.pod},
              {"io.kubernetes.pod.namespace", what.pod_namespace},
              {"io.kubernetes.pod.uid", what.uid}};
    name = "/k8s_" + container + "_" + what.pod + "_" + what.pod_namespace + "_" + what.uid + "_0";
  }
  const Json config{{"State", {{"Running", true}}},
                    {"Config",
                     {{"Hostname", "h"},
                      {"Env", Json::array({"TOKEN=not to be read"})},
                      {"Image", "registry.example/app:1"},
                      {"Labels", labels}}},
                    {"Name", name},
                    {"Driver", "overlay2"}};
  return config.dump();
}

namespace {

// 'S' only while it waits in read(): before that it runs, and a page fault is 'D'.
bool asleep(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(stat, line)) throw std::runtime_error("the child of a test is gone");
  const std::size_t name_ends = line.rfind(')');
  return line.substr(name_ends + 2, 1) == "S";
}

}  // namespace

Resident::Resident() {
  while (!asleep(child_.pid())) ::sched_yield();
}

}  // namespace throttlelens::test
