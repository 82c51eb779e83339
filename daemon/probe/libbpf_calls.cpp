// SPDX-License-Identifier: Apache-2.0
#include "libbpf_calls.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <utility>
#include <vector>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace throttlelens {

namespace {

// Loading and attaching takes about 20 descriptors; the rest is for the program to live on.
constexpr std::size_t kDescriptors = 32;

// What libbpf said, for the error message: its return value alone explains nothing. The first lines
// are the cause, what follows is that therefore nothing was loaded.
constexpr std::size_t kMessages = 3;
thread_local std::vector<std::string> libbpf_messages;

int remember_message(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char text[512];
  std::vsnprintf(text, sizeof text, format, arguments);
  std::string line(text);
  while (!line.empty() && line.back() == '\n') line.pop_back();
  // The verifier's log is long, and libbpf's own words say enough.
  const bool usable = !line.empty() && line.find('\n') == std::string::npos;
  if (usable && libbpf_messages.size() < kMessages) libbpf_messages.push_back(std::move(line));
  return 0;
}

}  // namespace

Error libbpf_error(std::string what, std::string on, int code) {
  Error error = os_error(std::move(what), std::move(on), code);
  for (const std::string& message : std::exchange(libbpf_messages, {})) {
    if (!error.why.empty()) error.why += "; ";
    error.why += message;
  }
  return error;
}

void forget_messages() {
  libbpf_messages.clear();
}

// Descriptors are asked for first, because libbpf takes a failed look at the kernel's abilities for
// their absence: what fails then is anything, for any reason.
Result<void> prepare_to_load(const std::string& what) {
  libbpf_set_print(remember_message);
  forget_messages();
  std::vector<UniqueFd> spare;
  while (spare.size() < kDescriptors) {
    spare.emplace_back(::eventfd(0, EFD_CLOEXEC));
    if (spare.back()) continue;
    Error error = os_error(what, "", errno);
    error.why = "they need " + std::to_string(kDescriptors) +
                " file descriptors, there is room for " + std::to_string(spare.size() - 1);
    error.fix = error.code == ENFILE ? "raise fs.file-max" : "raise LimitNOFILE, or ulimit -n";
    return std::unexpected(std::move(error));
  }
  return {};
}

Result<void> run_program(const bpf_program* program, std::uint64_t argument,
                         std::optional<std::uint32_t> on_cpu) {
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  std::uint64_t context[1] = {argument};
  options.ctx_in = context;
  options.ctx_size_in = sizeof context;
  if (on_cpu) {
    options.flags = BPF_F_TEST_RUN_ON_CPU;
    options.cpu = *on_cpu;
  }
  if (const int code = bpf_prog_test_run_opts(bpf_program__fd(program), &options); code != 0) {
    return std::unexpected(libbpf_error("run the BPF program", bpf_program__name(program), -code));
  }
  return {};
}

Mapping::~Mapping() {
  if (address_ != nullptr) ::munmap(address_, length_);
}

Result<void> Mapping::map(const bpf_map* source, bool writable) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  // The kernel keeps array elements at multiples of 8 bytes.
  const std::size_t element = (bpf_map__value_size(source) + 7U) & ~std::size_t{7};
  length_ = (element * bpf_map__max_entries(source) + page - 1) / page * page;
  void* const address = ::mmap(nullptr, length_, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                               MAP_SHARED, bpf_map__fd(source), 0);
  if (address == MAP_FAILED) {
    return std::unexpected(os_error("map into memory", bpf_map__name(source), errno));
  }
  address_ = address;
  return {};
}

}  // namespace throttlelens
