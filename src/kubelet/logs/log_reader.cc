#include "kubelet/logs/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "kubelet/logs/file_watch.h"
#include "kubelet/logs/log_format.h"
#include "kubelet/logs/tail.h"

namespace coxswain::kubelet::logs {
namespace {

constexpr size_t kBlockBytes = 64 * 1024;
constexpr size_t kFlushBytes = 32 * 1024;
constexpr Duration kCheckInterval = 5s;
/// After the writer has closed the log, the runtime tells of the container's end soon.
constexpr Duration kCheckSoon = 100ms;

/// One reading; lives in the frame of readLog.
class Reading {
 public:
  Reading(Reactor& reactor, std::unique_ptr<LogFile> file, const LogOptions& options,
          RunningCheck& check, LogSink& sink)
      : reactor_(reactor),
        file_(std::move(file)),
        options_(options),
        format_(options),
        check_(check),
        sink_(sink),
        block_(kBlockBytes) {}

  Task<Status> run(std::stop_token stop) {
    if (options_.tailLines) {
      CO_TRY(offset_, tailOffset(file_->fd(), *options_.tailLines));
    }
    if (options_.follow) {
      CO_TRY(watch_, FileWatch::create(reactor_, file_->path()));
    }
    while (true) {
      CO_TRY(bool goOn, co_await readToEnd(stop));
      if (!goOn) co_return Status();
      CO_TRY(goOn, co_await next(stop));
      if (!goOn) co_return co_await finish();
    }
  }

 private:
  Task<Status> flush() {
    if (out_.empty()) co_return Status();
    Status sent = co_await sink_.write(out_);
    out_.clear();
    co_return sent;
  }

  Task<Status> finish() {
    format_.finishFile(out_);
    co_return co_await flush();
  }

  /// False: the limit has been reached.
  Task<Result<bool>> readToEnd(std::stop_token stop) {
    while (true) {
      if (stop.stop_requested()) co_return canceled();
      ssize_t n = ::pread(file_->fd(), block_.data(), block_.size(), offset_);
      if (n < 0) co_return errnoStatus("read log file \"" + file_->path() + "\"", errno);
      offset_ += n;
      // Who writes is alive; but one that has closed the log is asked about soon.
      bool asked = checkAt_ != MonotonicTime();
      if (n > 0 && asked && checkIn_ >= kCheckInterval) checkAt_ = reactor_.now() + checkIn_;
      bool goOn = format_.feed(std::string_view(block_.data(), static_cast<size_t>(n)), out_);
      if (n == 0 || !goOn || out_.size() >= kFlushBytes) CO_TRY_STATUS(co_await flush());
      if (n == 0 || !goOn) co_return goOn;
    }
  }

  /// At the end of the file: true when there may be more to read.
  Task<Result<bool>> next(std::stop_token stop) {
    if (!options_.follow) co_return false;
    if (file_->replaced()) {
      // What is left of the old one was read before this was known: once more.
      CO_TRY(bool goOn, co_await readToEnd(stop));
      if (!goOn) co_return false;
      auto renewed = LogFile::open(file_->path());
      if (renewed.ok()) {
        format_.finishFile(out_);
        file_ = std::move(*renewed);
        offset_ = 0;
        watch_->renew();
        co_return true;
      }
    } else if (truncated()) {
      format_.dropUnfinished();
      offset_ = 0;
      co_return true;
    }
    // The container ended before this file's end was seen, so there is nothing more.
    if (ended_) co_return false;
    auto now = reactor_.now();
    CO_TRY_STATUS(co_await watch_->wait(std::max(checkAt_ - now, Duration()), stop));
    now = reactor_.now();
    if (watch_->takeClosed()) {
      checkIn_ = kCheckSoon;
      checkAt_ = std::min(checkAt_, now + checkIn_);
    }
    if (now < checkAt_) co_return true;
    auto running = co_await check_.running(stop);
    if (!running.ok() && isCanceled(running.status())) co_return running.status();
    ended_ = !running.ok() || !*running;
    checkIn_ = std::min<Duration>(checkIn_ * 2, kCheckInterval);
    checkAt_ = reactor_.now() + checkIn_;
    co_return true;
  }

  bool truncated() const {
    struct stat info {};
    return ::fstat(file_->fd(), &info) == 0 && info.st_size < offset_;
  }

  Reactor& reactor_;
  std::unique_ptr<LogFile> file_;
  LogOptions options_;
  LogFormatter format_;
  RunningCheck& check_;
  LogSink& sink_;
  std::unique_ptr<FileWatch> watch_;
  std::vector<char> block_;
  std::string out_;
  int64_t offset_ = 0;
  // When to ask next whether the container runs; and after that, in how long. At first at once: it
  // may have ended already.
  MonotonicTime checkAt_{};
  Duration checkIn_ = kCheckInterval;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<LogFile>> LogFile::open(const std::string& path) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr)
    return internalError("failed to try resolving symlinks in path \"" + path +
                         "\": " + std::strerror(errno));
  int fd = ::open(resolved, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return internalError("failed to open log file \"" + std::string(resolved) +
                         "\": " + std::strerror(errno));
  std::unique_ptr<LogFile> out(new LogFile(fd, resolved));
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
    return internalError("log file \"" + std::string(resolved) + "\" is not a regular file");
  return out;
}

LogFile::~LogFile() {
  ::close(fd_);
}

bool LogFile::replaced() const {
  struct stat mine {};
  struct stat named {};
  if (::fstat(fd_, &mine) != 0 || ::stat(path_.c_str(), &named) != 0) return false;
  return mine.st_ino != named.st_ino || mine.st_dev != named.st_dev;
}

Task<Status> readLog(Reactor& reactor, std::unique_ptr<LogFile> file, LogOptions options,
                     RunningCheck& check, LogSink& sink, std::stop_token stop) {
  Reading reading(reactor, std::move(file), options, check, sink);
  co_return co_await reading.run(stop);
}

}  // namespace coxswain::kubelet::logs
