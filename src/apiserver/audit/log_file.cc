#include "apiserver/audit/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"

namespace coxswain::apiserver::audit {
namespace {

namespace fs = std::filesystem;

const Logger kLog("apiserver/audit");

constexpr int64_t kSizeDefaultMib = 100;

/// "2006-01-02T15-04-05.000", in UTC.
std::string stamp(std::chrono::system_clock::time_point when) {
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count();
  const auto seconds = static_cast<time_t>(millis / 1000);
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  char day[32];
  ::strftime(day, sizeof day, "%Y-%m-%dT%H-%M-%S", &parts);
  char text[48];
  std::snprintf(text, sizeof text, "%s.%03d", day, static_cast<int>(millis % 1000));
  return text;
}

/// "audit-" and ".log" of ".../audit.log".
std::pair<std::string, std::string> aroundStamp(const fs::path& path) {
  return {path.stem().string() + "-", path.extension().string()};
}

bool isStamp(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd-dd-dd.ddd";
  if (text.size() != kShape.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) return false;
  }
  return true;
}

}  // namespace

struct LogFile::Impl {
  explicit Impl(LogFileOptions given) : options(std::move(given)) {
    if (options.sizeMaxMib <= 0) options.sizeMaxMib = kSizeDefaultMib;
  }
  ~Impl() {
    if (fd >= 0 && fd != STDOUT_FILENO) ::close(fd);
  }

  LogFileOptions options;
  // Of the thread, once it runs.
  int fd = -1;
  int64_t size = 0;
  bool complained = false;
  // Under the mutex.
  std::mutex mutex;
  std::condition_variable changed;
  std::string pending;
  bool writing = false;
  bool stopping = false;
  std::thread thread;

  [[nodiscard]] bool toFile() const { return options.path != "-"; }
  Status openFile();
  void run();
  void put(std::string_view lines);
  void rotate();
  void removeOld() const;
};

Status LogFile::Impl::openFile() {
  if (!toFile()) {
    fd = STDOUT_FILENO;
    return {};
  }
  std::error_code error;
  const auto folder = fs::path(options.path).parent_path();
  if (!folder.empty()) fs::create_directories(folder, error);
  fd = ::open(options.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return errnoStatus("open " + options.path, errno);
  struct stat info {};
  size = ::fstat(fd, &info) == 0 ? info.st_size : 0;
  return {};
}

void LogFile::Impl::removeOld() const {
  if (options.backupsMax <= 0 && options.ageMaxDays <= 0) return;
  const fs::path path(options.path);
  const auto [before, after] = aroundStamp(path);
  const auto folder = path.parent_path().empty() ? fs::path(".") : path.parent_path();
  std::vector<std::string> stamps;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); it != fs::directory_iterator();
       it.increment(error)) {
    if (error) break;
    std::string name = it->path().filename().string();
    if (!name.starts_with(before) || !name.ends_with(after)) continue;
    if (name.size() < before.size() + after.size()) continue;
    auto middle = name.substr(before.size(), name.size() - before.size() - after.size());
    if (isStamp(middle)) stamps.push_back(std::move(middle));
  }
  std::sort(stamps.rbegin(), stamps.rend());
  const auto oldest =
      stamp(std::chrono::system_clock::now() - std::chrono::hours(24 * options.ageMaxDays));
  for (size_t i = 0; i < stamps.size(); ++i) {
    const bool tooMany = options.backupsMax > 0 && i >= static_cast<size_t>(options.backupsMax);
    const bool tooOld = options.ageMaxDays > 0 && stamps[i] < oldest;
    if (tooMany || tooOld) fs::remove(folder / (before + stamps[i] + after), error);
  }
}

void LogFile::Impl::rotate() {
  const fs::path path(options.path);
  const auto [before, after] = aroundStamp(path);
  ::close(fd);
  fd = -1;
  // Two within a millisecond would be one file.
  auto when = std::chrono::system_clock::now();
  auto to = path.parent_path() / (before + stamp(when) + after);
  while (fs::exists(to)) {
    when += std::chrono::milliseconds(1);
    to = path.parent_path() / (before + stamp(when) + after);
  }
  std::error_code error;
  fs::rename(path, to, error);
  Status opened = openFile();
  if (!opened.ok()) kLog.error("audit log", {{"error", opened}});
  removeOld();
}

void LogFile::Impl::put(std::string_view lines) {
  const auto sizeMax = options.sizeMaxMib * 1024 * 1024;
  while (!lines.empty()) {
    // Whole lines, as many as fit into the file.
    auto part = lines;
    if (toFile()) {
      const auto room = sizeMax - size;
      if (static_cast<int64_t>(part.size()) > room) {
        auto end =
            room > 0 ? part.rfind('\n', static_cast<size_t>(room) - 1) : std::string_view::npos;
        // A line that fits nowhere is alone in its file.
        if (end == std::string_view::npos && size == 0) end = part.find('\n');
        part = end == std::string_view::npos ? std::string_view() : part.substr(0, end + 1);
      }
      if (part.empty()) {
        rotate();
        if (fd < 0) return;
        continue;
      }
    }
    lines.remove_prefix(part.size());
    size += static_cast<int64_t>(part.size());
    while (!part.empty()) {
      const auto n = ::write(fd, part.data(), part.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        if (!complained) kLog.error("audit log", {{"error", errnoStatus("write", errno)}});
        complained = true;
        return;
      }
      part.remove_prefix(static_cast<size_t>(n));
    }
  }
}

void LogFile::Impl::run() {
  std::string lines;
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return stopping || !pending.empty(); });
    if (pending.empty()) return;
    lines.clear();
    lines.swap(pending);
    writing = true;
    lock.unlock();
    if (fd < 0) {
      Status again = openFile();
      if (!again.ok()) kLog.error("audit log", {{"error", again}});
    }
    if (fd >= 0) put(lines);
    // Nothing is held while nothing happens.
    if (lines.capacity() > (1U << 20)) lines = std::string();
    lock.lock();
    writing = false;
    changed.notify_all();
  }
}

LogFile::LogFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  impl_->thread = std::thread([this] { impl_->run(); });
}

LogFile::~LogFile() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  impl_->thread.join();
}

Result<std::unique_ptr<LogFile>> LogFile::open(LogFileOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  TRY_STATUS(impl->openFile());
  return std::unique_ptr<LogFile>(new LogFile(std::move(impl)));
}

bool LogFile::write(std::string line) {
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->pending.size() + line.size() > impl_->options.pendingMax) return false;
    if (impl_->pending.empty()) {
      impl_->pending = std::move(line);
    } else {
      impl_->pending += line;
    }
  }
  impl_->changed.notify_all();
  return true;
}

void LogFile::flush() {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [this] { return impl_->pending.empty() && !impl_->writing; });
}

}  // namespace coxswain::apiserver::audit
