// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

#include "overhead_fake.h"
#include "process_files.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kKilo = 1024;
/// As `process()` was started.
const std::string kTicks = "700";

OverheadOptions in(const FakeProc& proc) {
  return {.proc = proc.path()};
}

/// Time for all there are to be read, each once and more.
void read_all(Bench& bench) {
  for (int i = 0; i < 200; ++i) {
    bench.pass(100ms);
    bench.room().read_memory(bench.now());
  }
}

}  // namespace

TEST_CASE("private memory of shims, conmon, pause, services and ourselves") {
  const FakeProc proc;
  proc.put("100", kTicks, 64, 3000);
  proc.put("101", kTicks, 0, 100);
  proc.put("102", kTicks, 0, 200);
  proc.put("103", kTicks, 4, 40);
  proc.put("1", kTicks, 1000, 50000);
  proc.put("self", "1", 2, 8000);
  Bench bench(in(proc));
  bench.pids[10] = {103};
  bench.name(10, pod_container(id('a'), "web", ContainerRole::sandbox));
  bench.see(a_shim(process(100), id('a')));
  bench.see(a_conmon(process(101), id('a')));
  bench.see(a_conmon(process(102), id('a')));
  bench.see(a_service(process(1), "kubelet"));
  CHECK_FALSE(bench.memory("web", kShim));
  SECTION("each in its turn") {
    read_all(bench);
  }
  SECTION("all at once") {
    bench.room().read_missing_memory(bench.now());
  }
  CHECK(bench.memory("web", kShim) == 3064 * kKilo);
  CHECK(bench.memory("web", kConmon) == 300 * kKilo);
  CHECK(bench.memory("web", kPause) == 44 * kKilo);
  CHECK_FALSE(bench.memory("web", kRunc));
  CHECK_FALSE(bench.cpu("web", kPause));
  REQUIRE(bench.service("kubelet"));
  CHECK(bench.service("kubelet")->private_memory == 51000 * kKilo);
  CHECK(bench.service("throttlelens")->private_memory == 8002 * kKilo);

  bench.ended(use(ProcessKind::monitor, process(101), 1ms));
  CHECK(bench.memory("web", kConmon) == 200 * kKilo);
  bench.ended(use(ProcessKind::monitor, process(102), 1ms));
  CHECK_FALSE(bench.memory("web", kConmon));
  CHECK(bench.cpu("web", kConmon) == 2ms);
  bench.gone(10);
  CHECK_FALSE(bench.memory("web", kPause));
}

TEST_CASE("values follow, and are absent when they are not to be had any more") {
  const FakeProc proc;
  proc.put("100", kTicks, 0, 100);
  Bench bench(in(proc));
  bench.name(10, pod_container(id('a'), "web"));
  bench.see(a_shim(process(100), id('a')));
  bench.alive({use(ProcessKind::shim, process(100), 1ms)});
  read_all(bench);
  CHECK(bench.memory("web", kShim) == 100 * kKilo);
  proc.put("100", kTicks, 0, 120);
  read_all(bench);
  CHECK(bench.memory("web", kShim) == 120 * kKilo);
  const std::string gone = GENERATE("100", "100/stat", "100/smaps_rollup");
  proc.remove(gone);
  read_all(bench);
  CHECK_FALSE(bench.memory("web", kShim));
  CHECK(bench.cpu("web", kShim) == 1ms);
}

TEST_CASE("a pid that another process has now tells nothing") {
  const FakeProc proc;
  const auto [ticks, same] = GENERATE(
      table<std::string, bool>({{"699", false}, {"700", true}, {"701", false}, {"", false}}));
  proc.put("100", ticks, 0, 100);
  Bench bench(in(proc));
  bench.name(10, pod_container(id('a'), "web"));
  bench.see(a_shim(process(100, 7009999999ns), id('a')));  // rounded down to ticks
  read_all(bench);
  CHECK(bench.memory("web", kShim).has_value() == same);
}

TEST_CASE("pause is the one process of its sandbox, before the reading and after") {
  const FakeProc proc;
  proc.put("103", kTicks, 0, 40);
  proc.put("104", kTicks, 0, 50);
  Bench bench(in(proc));
  bench.name(10, pod_container(id('a'), "web", ContainerRole::sandbox));
  read_all(bench);
  CHECK_FALSE(bench.row("web"));  // there is nothing in it
  bench.pids[10] = {103, 104};    // runc is at work
  read_all(bench);
  CHECK_FALSE(bench.row("web"));
  bench.pids[10] = {103};
  read_all(bench);
  CHECK(bench.memory("web", kPause) == 40 * kKilo);
  bench.on_list = [&] { bench.pids[10][0] ^= 103u ^ 104u; };  // another at each look
  read_all(bench);
  CHECK_FALSE(bench.memory("web", kPause));
}

TEST_CASE("nobody's memory is read at more than a thousandth of a CPU") {
  const FakeProc proc;
  Bench bench(in(proc));
  bench.reading_costs = 300us;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const std::string serves = std::to_string(i);
    proc.put(std::to_string(1000 + i), kTicks, 0, 10);
    bench.name(i, pod_container(serves, "p" + serves));
    bench.see(a_shim(process(1000 + i), serves));
  }
  for (int i = 0; i < 3000; ++i) {
    bench.pass(100ms);
    bench.room().read_memory(bench.now());
  }
  // The room looks at the clock twice a reading; half of the cost passes between.
  CHECK(bench.thread_time / 2 <= Nanoseconds(300s) / 1000 + 300us);
  CHECK(bench.read().rows.size() == 300);
}

TEST_CASE("without leave to read memory nothing is opened") {
  const FakeProc proc;
  // Whoever opened one of these to read would wait for a writer, for ever.
  for (const char* pid : {"100", "103", "self"}) {
    std::filesystem::create_directories(proc.path() + "/" + pid);
    for (const char* file : {"stat", "smaps_rollup"}) {
      REQUIRE(::mkfifo((proc.path() + "/" + pid + "/" + file).c_str(), 0600) == 0);
    }
  }
  Bench bench({.proc = proc.path(), .private_memory = false});
  int looks = 0;
  bench.on_list = [&] { ++looks; };
  bench.pids[10] = {103};
  bench.name(10, pod_container(id('a'), "web", ContainerRole::sandbox));
  bench.see(a_shim(process(100), id('a')));
  bench.see(a_service(process(1), "kubelet"));
  bench.alive(
      {use(ProcessKind::shim, process(100), 1ms), use(ProcessKind::service, process(1), 1ms)});
  read_all(bench);
  CHECK(looks == 0);
  CHECK(bench.thread_time == 0ns);
  CHECK_FALSE(bench.memory("web", kShim));
  CHECK_FALSE(bench.service("throttlelens")->private_memory);
  CHECK(bench.cpu("web", kShim) == 1ms);
}

TEST_CASE("files that are too large, links, and a process without files") {
  const FakeProc proc;
  proc.put("100", kTicks, 0, 10);
  using overhead::ProcessFiles;
  CHECK(ProcessFiles(proc.path(), "100").private_memory() == 10 * kKilo);
  CHECK(ProcessFiles(proc.path(), "100").started_at(7s));
  CHECK_FALSE(ProcessFiles(proc.path(), "100").started_at(-7s));
  CHECK_FALSE(ProcessFiles(proc.path(), "101").private_memory());
  CHECK_FALSE(ProcessFiles(proc.path(), "101").started_at(7s));
  proc.put("102", kTicks, 0, 10);
  proc.remove("102/smaps_rollup");
  std::filesystem::create_symlink(proc.path() + "/100/smaps_rollup",
                                  proc.path() + "/102/smaps_rollup");
  CHECK_FALSE(ProcessFiles(proc.path(), "102").private_memory());
  proc.put_file("100", "smaps_rollup",
                "Private_Clean: 1 kB\nPrivate_Dirty: 1 kB\n" + std::string(4096, 'x'));
  CHECK_FALSE(ProcessFiles(proc.path(), "100").private_memory());
}

TEST_CASE("of this very process") {
  // Started when the kernel says, and as large as the kernel says. Reading changes little.
  std::ifstream stat("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  text.erase(0, text.rfind(')') + 2);
  std::istringstream fields(text);
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  const Nanoseconds started = Nanoseconds(1s) / ::sysconf(_SC_CLK_TCK) * std::stoll(field);

  const auto kernel = [] {
    std::ifstream file("/proc/self/smaps_rollup");
    std::uint64_t sum = 0;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:")) {
        sum += std::stoull(line.substr(line.find(':') + 1)) * kKilo;
      }
    }
    return sum;
  };
  const ProcessKey self{.pid = static_cast<std::uint32_t>(::getpid()), .started = started};
  Overhead room({}, {});
  room.identify({{.key = {10},
                  .identity = std::make_shared<ContainerIdentity>(pod_container(id('a'), "web"))}},
                {}, kStart);
  ProcessBatch batch;
  batch.seen.push_back(a_shim(self, id('a')));
  room.apply(batch, kStart);
  const std::uint64_t before = kernel();
  room.read_memory(kStart);
  room.read_memory(kStart + 5s);
  const std::uint64_t after = kernel();
  const OverheadReading reading = room.read();
  REQUIRE(reading.rows.size() == 1);
  const auto shown = reading.rows[0].parts[static_cast<std::size_t>(kShim)].private_memory;
  REQUIRE(shown);
  CHECK(*shown + 64 * kKilo >= before);
  CHECK(*shown <= after + 64 * kKilo);
  REQUIRE(reading.services.size() == 1);
  REQUIRE(reading.services[0].private_memory);
  CHECK(*reading.services[0].private_memory + 64 * kKilo >= before);
  CHECK(reading.services[0].cpu > 0ns);
}
