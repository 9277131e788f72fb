#include "cli/framework/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace coxswain::cli {

namespace {
constexpr size_t kBufferMax = 64 << 10;
constexpr size_t kInputMax = 256 << 20;

void waitFor(int fd, short events) {
  pollfd poll{fd, events, 0};
  ::poll(&poll, 1, -1);
}
}  // namespace

void Output::write(std::string_view text) {
  if (failed_) return;
  buffer_ += text;
  if (buffer_.size() >= kBufferMax) flush();
}

void Output::flush() {
  size_t at = 0;
  while (at < buffer_.size() && !failed_) {
    const auto n = ::write(fd_, buffer_.data() + at, buffer_.size() - at);
    if (n >= 0) {
      at += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      waitFor(fd_, POLLOUT);
    } else if (errno != EINTR) {
      failed_ = true;
    }
  }
  buffer_.clear();
}

Result<std::string> readAllOf(int fd) {
  std::string text;
  char buffer[16 << 10];
  while (true) {
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) return text;
    if (n < 0 && errno == EAGAIN) {
      waitFor(fd, POLLIN);
    } else if (n < 0 && errno != EINTR) {
      return errnoStatus("read", errno);
    } else if (n > 0) {
      text.append(buffer, static_cast<size_t>(n));
      if (text.size() > kInputMax) return requestEntityTooLarge("more than 256 MiB of input");
    }
  }
}

}  // namespace coxswain::cli
