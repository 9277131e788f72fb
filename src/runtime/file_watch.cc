#include "runtime/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace coxswain {
namespace {

class InotifyWatch final : public FileWatch {
 public:
  InotifyWatch(std::unique_ptr<Reactor::Descriptor> descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Task<Status> changed(std::stop_token stop) override {
    while (!gone_) {
      if (drain()) co_return Status();
      if (gone_) break;
      Status waited = co_await descriptor_->waitReadable(stop);
      if (!waited.ok()) co_return waited;
    }
    co_return errnoStatus("watch " + path_, ENOENT);
  }

 private:
  /// Takes all there is. True: something happened.
  bool drain() {
    bool any = false;
    alignas(inotify_event) char buffer[4096];
    while (true) {
      const ssize_t size = ::read(descriptor_->fd(), buffer, sizeof(buffer));
      if (size <= 0) return any && !gone_;
      for (ssize_t at = 0; at < size;) {
        inotify_event event;
        std::memcpy(&event, buffer + at, sizeof(event));
        if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0) {
          gone_ = true;
        }
        any = true;
        at += static_cast<ssize_t>(sizeof(event) + event.len);
      }
    }
  }

  std::unique_ptr<Reactor::Descriptor> descriptor_;
  std::string path_;
  bool gone_ = false;
};

}  // namespace

Result<std::unique_ptr<FileWatch>> SystemFileWatches::watchFolder(const std::string& path) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return errnoStatus("inotify", errno);
  const uint32_t mask = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                        IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  if (::inotify_add_watch(fd, path.c_str(), mask) < 0) {
    const int error = errno;
    ::close(fd);
    return errnoStatus("watch " + path, error);
  }
  TRY(auto descriptor, Reactor::Descriptor::create(reactor_, fd));
  return std::unique_ptr<FileWatch>(std::make_unique<InotifyWatch>(std::move(descriptor), path));
}

}  // namespace coxswain
