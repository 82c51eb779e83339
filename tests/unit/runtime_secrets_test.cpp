// SPDX-License-Identifier: Apache-2.0
// Whatever secrets a container was given, they must not stay in our memory. The secret is made by
// another process, and known here only with every character replaced by another.
#include <array>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <optional>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/unique_fd.h"
#include "runtime_fake.h"

namespace throttlelens::test {
namespace {

constexpr std::string_view kPlain = "0123456789abcdef";
constexpr std::string_view kDisguise = "ghijklmnopqrstuv";

// Freed memory is overwritten at its beginning, so a quarter of the secret is enough.
constexpr std::size_t kPiece = 16;

bool is_piece(const char* at, std::string_view disguised) {
  for (std::size_t i = 0; i < disguised.size(); ++i) {
    if (at[i] != kPlain[kDisguise.find(disguised[i])]) return false;
  }
  return true;
}

bool is_secret(const char* at, std::string_view disguised) {
  for (; !disguised.empty(); disguised.remove_prefix(kPiece)) {
    if (is_piece(at, disguised.substr(0, kPiece))) return true;
  }
  return false;
}

struct Mapping {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

// Allocates as little as possible: it must not write over what is looked for.
std::vector<Mapping> writable_mappings() {
  static std::array<char, 1U << 18U> text;
  const UniqueFd maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  std::size_t size = 0;
  for (ssize_t more = 1; more > 0; size += static_cast<std::size_t>(more)) {
    more = ::read(maps.get(), text.data() + size, text.size() - 1 - size);
    REQUIRE(more >= 0);
  }
  text[size] = '\0';
  std::vector<Mapping> out;
  for (const char* line = text.data(); line != nullptr && *line != '\0';) {
    Mapping mapping;
    std::array<char, 5> rights{};
    const int read = std::sscanf(line, "%lx-%lx %4s", &mapping.start, &mapping.end, rights.data());
    constexpr std::uint64_t kShadow = std::uint64_t{1} << 30U;  // of a sanitizer
    if (read == 3 && rights[1] == 'w' && mapping.end - mapping.start < kShadow) {
      out.push_back(mapping);
    }
    line = std::strchr(line, '\n');
    if (line != nullptr) ++line;
  }
  return out;
}

// How often the secret is in memory, what was read here to look at it left out.
int times_in_memory(const std::string& disguised) {
  static std::array<char, 1U << 16U> chunk;
  const UniqueFd memory(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
  REQUIRE(memory);
  const auto own = reinterpret_cast<std::uint64_t>(chunk.data());
  int times = 0;
  for (const Mapping& mapping : writable_mappings()) {
    for (std::uint64_t from = mapping.start; from < mapping.end;) {
      const std::size_t wanted = std::min<std::uint64_t>(chunk.size(), mapping.end - from);
      const ssize_t size = ::pread(memory.get(), chunk.data(), wanted, static_cast<off_t>(from));
      const std::size_t have = size < 0 ? 0 : static_cast<std::size_t>(size);
      for (std::size_t i = 0; i + kPiece <= have; ++i) {
        const std::uint64_t address = from + i;
        if (address >= own && address < own + chunk.size()) continue;
        if (is_secret(chunk.data() + i, disguised)) ++times;
      }
      if (wanted < chunk.size()) break;
      from += wanted - kPiece;  // it may lie across the edge
    }
  }
  ::explicit_bzero(chunk.data(), chunk.size());
  return times;
}

class Secret {
 public:
  /// Writes `before` SECRET `between` SECRET `after` to the file.
  Secret(const FakeStates& states, const std::string& file, const std::string& before,
         const std::string& between, const std::string& after) {
    const auto parts =
        std::array{states.put("1", before), states.put("2", between), states.put("3", after)};
    const std::string disguised = states.path("disguised");
    const std::string command = "s=$(od -An -v -N32 -tx1 /dev/urandom | tr -d ' \\n'); { cat " +
                                parts[0] + "; printf %s $s; cat " + parts[1] +
                                "; printf %s $s; cat " + parts[2] + "; } > " + file +
                                "; printf %s $s | tr 0-9a-f g-v > " + disguised;
    REQUIRE(std::system(command.c_str()) == 0);
    std::ifstream(disguised) >> disguised_;
    REQUIRE(disguised_.size() == 64);
  }
  int times_in_memory() const { return test::times_in_memory(disguised_); }

 private:
  std::string disguised_;
};

// A sanitizer keeps memory of its own, much of it, that is no part of the daemon: searching it says
// nothing and takes minutes.
bool is_watched_by_a_sanitizer() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  WARN("skipped: memory is searched in builds without sanitizers");
  return true;
#else
  return false;
#endif
}

// Reads the file as one would who does not care.
std::size_t read_carelessly(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return nlohmann::json::parse(stream).size();
}

void check_left_behind(const Secret& secret, const std::string& file) {
  CHECK(secret.times_in_memory() == 0);
  CHECK(read_carelessly(file) > 0);
  CHECK(secret.times_in_memory() > 0);  // so this test can tell
}

const std::string kManifest =
    R"("],"args":["x"]},"annotations":{"io.kubernetes.cri.container-name":"server",)"
    R"("kubectl.kubernetes.io/last-applied-configuration":"{\"env\":\")";

TEST_CASE("secrets in a bundle are nowhere in memory afterwards") {
  if (is_watched_by_a_sanitizer()) return;
  const FakeStates states;
  const std::string file = states.put_containerd("k8s.io", kId, "");
  const Secret secret(states, file, R"({"process":{"env":["TOKEN=)", kManifest,
                      R"(\"}"},"linux":{"resources":{"cpu":{"shares":2}}}})");
  Identities identities(states.options());
  const auto told = only(identities.update(appeared(9, pod_path(kId)), at(0s)), 9);
  CHECK(told.container == "server");
  CHECK(told.shares == 2);
  check_left_behind(secret, file);
}

TEST_CASE("secrets in a bundle that is cut short are nowhere in memory afterwards") {
  if (is_watched_by_a_sanitizer()) return;
  const FakeStates states;
  const std::string file = states.put_storage(kId, "");
  const Secret secret(states, file, R"({"process":{"env":["TOKEN=)", kManifest, R"(\"}"})");
  Identities identities(states.options());
  for (int second = 0; second < 20; ++second) {
    identities.update(second == 0 ? appeared(9, pod_path(kId)) : TreeChanges{}, at(second * 1s));
  }
  CHECK(identities.errors().size() == 1);
  CHECK(identities.take_warnings().size() == 1);
  CHECK(secret.times_in_memory() == 0);
}

TEST_CASE("secrets in Docker's file are nowhere in memory afterwards") {
  if (is_watched_by_a_sanitizer()) return;
  const FakeStates states;
  const std::string file = states.put_docker(kId, "");
  const Secret secret(states, file, R"({"Config":{"Env":["TOKEN=)",
                      R"("],"Image":"web:1","Labels":{"password":")", R"("}},"Name":"/web"})");
  Identities identities(states.options());
  CHECK(only(identities.update(appeared(9, "/docker/" + kId), at(0s)), 9).container == "web");
  check_left_behind(secret, file);
}

}  // namespace
}  // namespace throttlelens::test
