// SPDX-License-Identifier: Apache-2.0
#include "wiped_text.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace throttlelens::runtime {

WipedText::WipedText(std::size_t capacity)
    : bytes_(std::make_unique_for_overwrite<char[]>(capacity)), capacity_(capacity) {}

WipedText::WipedText(WipedText&& other) noexcept
    : bytes_(std::move(other.bytes_)),
      capacity_(std::exchange(other.capacity_, 0)),
      size_(std::exchange(other.size_, 0)) {}

WipedText::~WipedText() {
  if (bytes_) ::explicit_bzero(bytes_.get(), capacity_);
}

Result<WipedText> WipedText::read(int fd, std::size_t most) {
  const auto fail = [](int code) { return std::unexpected(os_error("read", "", code)); };
  struct stat st{};
  if (::fstat(fd, &st) != 0) return fail(errno);
  if (!S_ISREG(st.st_mode)) return fail(EINVAL);
  if (static_cast<std::size_t>(st.st_size) > most) return fail(EFBIG);
  // One more than there should be: a file that grew meanwhile is read again later.
  WipedText text(static_cast<std::size_t>(st.st_size) + 1);
  while (text.size_ < text.capacity_) {
    const ssize_t size = ::pread(fd, text.bytes_.get() + text.size_, text.capacity_ - text.size_,
                                 static_cast<off_t>(text.size_));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail(errno);
    if (size == 0) return text;
    text.size_ += static_cast<std::size_t>(size);
  }
  return fail(EAGAIN);
}

}  // namespace throttlelens::runtime
