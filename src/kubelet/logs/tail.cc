#include "kubelet/logs/tail.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <vector>

namespace coxswain::kubelet::logs {

Result<int64_t> tailOffset(int fd, int64_t lines) {
  constexpr int64_t kBlockBytes = 16 * 1024;
  struct stat info {};
  if (::fstat(fd, &info) != 0) return errnoStatus("stat log", errno);
  int64_t end = info.st_size;
  if (lines <= 0) return end;
  std::vector<char> block(kBlockBytes);
  int64_t found = 0;
  bool last = true;  // the very last byte does not begin a line
  for (int64_t at = end; at > 0;) {
    int64_t begin = std::max<int64_t>(0, at - kBlockBytes);
    ssize_t n = ::pread(fd, block.data(), static_cast<size_t>(at - begin), begin);
    if (n < 0) return errnoStatus("read log", errno);
    for (int64_t i = n - 1; i >= 0; --i) {
      bool feed = block[static_cast<size_t>(i)] == '\n';
      if (feed && !last && ++found == lines) return begin + i + 1;
      last = false;
    }
    at = begin;
  }
  return int64_t{0};
}

}  // namespace coxswain::kubelet::logs
