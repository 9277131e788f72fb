#include "kubelet/logs/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/spawn.h"

namespace coxswain::kubelet::logs {
namespace {

constexpr Duration kLookInterval = 1s;
constexpr uint32_t kFileEvents = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVE_SELF | IN_DELETE_SELF;
constexpr uint32_t kFolderEvents = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;

std::pair<std::string, std::string> split(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

std::unique_ptr<FileWatch> FileWatch::withoutEvents(const std::string& path) {
  return std::unique_ptr<FileWatch>(new FileWatch(nullptr, path));
}

Result<std::unique_ptr<FileWatch>> FileWatch::create(Reactor& reactor, const std::string& path) {
  int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE)) return withoutEvents(path);
  if (fd < 0) return errnoStatus("watch log: inotify_init", errno);
  TRY(auto descriptor, Reactor::Descriptor::create(reactor, fd));
  if (::inotify_add_watch(fd, split(path).first.c_str(), kFolderEvents) < 0) {
    if (errno == ENOSPC) return withoutEvents(path);
    return errnoStatus("watch " + split(path).first, errno);
  }
  std::unique_ptr<FileWatch> out(new FileWatch(std::move(descriptor), path));
  out->renew();
  return out;
}

void FileWatch::renew() {
  if (!descriptor_) return;
  int fd = descriptor_->fd();
  if (fileWatch_ >= 0) ::inotify_rm_watch(fd, fileWatch_);
  // Where there is no such file yet, the folder's watch tells of it.
  fileWatch_ = ::inotify_add_watch(fd, path_.c_str(), kFileEvents);
}

bool FileWatch::drain() {
  alignas(inotify_event) char buffer[8192];
  bool matters = false;
  auto name = split(path_).second;
  while (true) {
    ssize_t n = ::read(descriptor_->fd(), buffer, sizeof buffer);
    if (n <= 0) return matters;
    for (ssize_t at = 0; at < n;) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof event);
      std::string_view subject(buffer + at + sizeof event, event.len);
      subject = subject.substr(0, subject.find('\0'));
      at += static_cast<ssize_t>(sizeof event + event.len);
      if ((event.mask & IN_IGNORED) != 0) continue;
      if (event.wd == fileWatch_ && (event.mask & IN_CLOSE_WRITE) != 0) closed_ = true;
      if (event.wd == fileWatch_ || subject == name || (event.mask & IN_Q_OVERFLOW) != 0)
        matters = true;
    }
  }
}

Task<Status> FileWatch::wait(Duration limit, std::stop_token stop) {
  if (!descriptor_) co_return co_await sleepFor(std::min<Duration>(limit, kLookInterval), stop);
  Deadline deadline(limit, stop);
  while (!drain()) {
    Status ready = co_await descriptor_->waitReadable(deadline.token());
    if (ready.ok()) continue;
    if (isCanceled(ready) && deadline.expired()) co_return Status();
    co_return ready;
  }
  co_return Status();
}

}  // namespace coxswain::kubelet::logs
