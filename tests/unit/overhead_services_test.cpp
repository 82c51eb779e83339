// SPDX-License-Identifier: Apache-2.0
#include "overhead_fake.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("a service's processes add up, and its counter goes on when it is restarted") {
  Bench bench;
  bench.see(a_service(process(1), "kubelet"));
  CHECK_FALSE(bench.service("kubelet"));  // not read yet
  bench.alive({use(ProcessKind::service, process(1), 10s)});
  bench.see(a_service(process(2), "crio"));
  bench.see(a_service(process(3), "crio"));
  bench.alive({use(ProcessKind::service, process(1), 11s),
               use(ProcessKind::service, process(2), 1s),
               use(ProcessKind::service, process(3), 2s)});
  CHECK(bench.service("kubelet")->cpu == 11s);
  CHECK(bench.service("crio")->cpu == 3s);
  bench.ended(use(ProcessKind::service, process(1), 12s));
  bench.pass(1h);
  bench.see(a_service(process(1, 8s), "kubelet"));
  bench.alive({use(ProcessKind::service, process(1, 8s), 5s)});
  CHECK(bench.service("kubelet")->cpu == 17s);
  CHECK(bench.read().rows.empty());
  CHECK_FALSE(bench.node(kRunc));
  CHECK_FALSE(bench.node(kShim));
}

TEST_CASE("what calls itself kubelet in a container is no service") {
  Bench bench;
  bench.around[66] = pod_container(id('e'), "evil");
  bench.see(a_service(process(1), "kubelet", 66));
  bench.alive({use(ProcessKind::service, process(1), 1h)});
  bench.ended(use(ProcessKind::service, process(1), 2h));
  CHECK_FALSE(bench.service("kubelet"));
  bench.see(a_service(process(2), "kubelet"));
  bench.alive({use(ProcessKind::service, process(2), 1s)});
  CHECK(bench.service("kubelet")->cpu == 1s);
  // The container is known a moment later only: no more from then on.
  bench.see(a_service(process(3), "kubelet", 67));
  bench.alive(
      {use(ProcessKind::service, process(2), 1s), use(ProcessKind::service, process(3), 1s)});
  bench.around[67] = pod_container(id('e'), "evil");
  bench.alive(
      {use(ProcessKind::service, process(2), 1s), use(ProcessKind::service, process(3), 1h)});
  CHECK(bench.service("kubelet")->cpu == 2s);
}

TEST_CASE("kube-proxy counts in its container, when that is known to be of kube-system") {
  Bench bench;
  ContainerIdentity identity = pod_container(id('a'), "kube-proxy-x");
  identity.pod_namespace = "kube-system";
  bench.around[10] = unread(identity);
  bench.see(a_service(process(1), "kube-proxy", 10));
  bench.alive({use(ProcessKind::service, process(1), 3s)});
  CHECK_FALSE(bench.service("kube-proxy"));
  bench.around[10] = identity;  // its past is not lost
  bench.alive({use(ProcessKind::service, process(1), 4s)});
  CHECK(bench.service("kube-proxy")->cpu == 4s);

  bench.around[11] = pod_container(id('b'), "shop");
  bench.see(a_service(process(2), "kube-proxy", 11));
  bench.see(a_service(process(3), "kubelet", 10));
  bench.alive({use(ProcessKind::service, process(1), 4s), use(ProcessKind::service, process(2), 9s),
               use(ProcessKind::service, process(3), 9s)});
  CHECK(bench.service("kube-proxy")->cpu == 4s);
  CHECK_FALSE(bench.service("kubelet"));
}

TEST_CASE("the daemon counts itself, once") {
  Bench bench;
  CHECK_FALSE(bench.service("throttlelens"));
  bench.own_time = 70ms;
  bench.see(a_service(process(9), "zebra"));
  bench.see(a_service(process(1), "containerd"));
  bench.see(a_service(process(2), "throttlelens"));
  bench.alive({use(ProcessKind::service, process(1), 1s), use(ProcessKind::service, process(2), 1s),
               use(ProcessKind::service, process(9), 1s)});
  CHECK(bench.service("throttlelens")->cpu == 70ms);
  std::vector<std::string> names;
  for (const ServiceRow& row : bench.read().services) names.push_back(row.name);
  CHECK(names == std::vector<std::string>{"containerd", "throttlelens", "zebra"});
}

TEST_CASE("the number of services is bounded") {
  Bench bench;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    bench.see(a_service(process(i), "s" + std::to_string(i)));
    bench.ended(use(ProcessKind::service, process(i), 1s));
    bench.pass(1s);
  }
  CHECK(bench.read().services.size() == 65);
  CHECK(bench.service("s999"));
  CHECK(bench.service("throttlelens"));
}
