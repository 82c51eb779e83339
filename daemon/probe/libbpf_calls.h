// SPDX-License-Identifier: Apache-2.0
// What every BPF object of this process is loaded and used with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"

struct bpf_link;
struct bpf_map;
struct bpf_program;

namespace throttlelens {

/// From now on what libbpf says goes to the next libbpf_error() of this thread. Refuses when there
/// is no room for the descriptors that loading and attaching an object takes.
Result<void> prepare_to_load(const std::string& what);
/// As os_error(), with what libbpf said since the last one.
Error libbpf_error(std::string what, std::string on, int code);
/// What libbpf said so far explains nothing that follows.
void forget_messages();

/// Runs a program on behalf of the reader, by BPF_PROG_TEST_RUN; its ctx[0] is `argument`.
Result<void> run_program(const bpf_program* program, std::uint64_t argument,
                         std::optional<std::uint32_t> on_cpu = std::nullopt);

/// A map's values as an array in our memory.
class Mapping {
 public:
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  Result<void> map(const bpf_map* source, bool writable);

  template <typename T>
  std::span<T> as(std::size_t count) const {
    return {static_cast<T*>(address_), count};
  }

 private:
  void* address_ = nullptr;
  std::size_t length_ = 0;
};

}  // namespace throttlelens
