// SPDX-License-Identifier: Apache-2.0
#include "process_setup.h"

#include <cerrno>
#include <csignal>

#include <sys/resource.h>

namespace throttlelens {

Result<void> raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  }
  return std::unexpected(os_error("raise the limit of open files", "", errno));
}

void ignore_broken_pipes() {
  ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace throttlelens
