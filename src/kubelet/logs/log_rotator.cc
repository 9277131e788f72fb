#include "kubelet/logs/log_rotator.h"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <thread>

#include "base/log.h"
#include "runtime/one_shot.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet::logs {
namespace {

namespace fs = std::filesystem;
const Logger log("kubelet.logs");
constexpr std::string_view kPacked = ".gz";
constexpr std::string_view kUnfinished = ".tmp";

std::string timestamp(WallTime now) {
  auto seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now));
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
  return text;
}

/// Names of the rotated forms of a log, oldest first: their times sort as text.
std::vector<std::string> rotatedOf(const std::string& path) {
  std::vector<std::string> out;
  auto stem = fs::path(path).filename().string() + ".";
  std::error_code error;
  for (fs::directory_iterator it(fs::path(path).parent_path(), error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename().string().starts_with(stem)) out.push_back(it->path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void removeFile(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) log.warn("cannot remove a log", {{"path", path}, {"error", error.message()}});
}

/// Leftovers of a compression that was interrupted.
std::vector<std::string> withoutLeftovers(const std::vector<std::string>& all) {
  std::vector<std::string> out;
  for (const auto& path : all) {
    bool leftover = path.ends_with(kUnfinished);
    // Both forms there: the packed one is whole, since it got its name last.
    if (std::binary_search(all.begin(), all.end(), path + std::string(kPacked))) leftover = true;
    if (leftover) {
      removeFile(path);
    } else {
      out.push_back(path);
    }
  }
  return out;
}

Task<Status> compressOnThread(std::string path) {
  OneShot<Status> done;
  std::thread([path = std::move(path), done]() mutable { done.set(compressFile(path)); }).detach();
  auto status = co_await done.wait();
  co_return std::move(*status);
}

}  // namespace

Status compressFile(const std::string& path) {
  auto packed = path + std::string(kPacked);
  auto unfinished = path + std::string(kUnfinished);
  std::FILE* in = std::fopen(path.c_str(), "re");
  if (!in) return errnoStatus("open " + path, errno);
  gzFile out = ::gzopen(unfinished.c_str(), "wbe");
  if (!out) {
    std::fclose(in);
    return errnoStatus("create " + unfinished, errno);
  }
  std::vector<char> block(64 * 1024);
  bool whole = true;
  while (size_t n = std::fread(block.data(), 1, block.size(), in))
    whole = whole && ::gzwrite(out, block.data(), static_cast<unsigned>(n)) > 0;
  whole = whole && std::ferror(in) == 0;
  std::fclose(in);
  whole = ::gzclose(out) == Z_OK && whole;
  std::error_code error;
  if (whole) fs::rename(unfinished, packed, error);
  if (!whole || error) {
    removeFile(unfinished);
    return internalError("cannot compress " + path);
  }
  removeFile(path);
  return {};
}

LogRotator::LogRotator(Executor& executor, LogWriters& writers, LogRotationOptions options)
    : executor_(executor), writers_(writers), options_(std::move(options)) {
  options_.filesMax = std::max(2, options_.filesMax);
}

void LogRotator::start() {
  if (options_.sizeMax < 0) return;
  spawn(executor_, run(gate_.enter()));
}

Task<void> LogRotator::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

Task<void> LogRotator::run(Gate::Pass pass) {
  auto stop = stop_.get_token();
  while (true) {
    Status slept = co_await sleepFor(options_.interval, stop);
    if (!slept.ok()) co_return;
    co_await rotateAll(stop);
  }
}

std::vector<std::string> LogRotator::oversized() const {
  std::vector<std::string> out;
  std::error_code error;
  // PODS/<ns>_<name>_<uid>/<container>/<restart>.log
  for (fs::directory_iterator pod(options_.podLogsDir, error), end; !error && pod != end;
       pod.increment(error)) {
    std::error_code inPod;
    for (fs::directory_iterator container(pod->path(), inPod); !inPod && container != end;
         container.increment(inPod)) {
      std::error_code inContainer;
      for (fs::directory_iterator file(container->path(), inContainer); !inContainer && file != end;
           file.increment(inContainer)) {
        struct stat info {};
        if (file->path().extension() != ".log") continue;
        // Not through links: a pod that may write here must not lead us elsewhere.
        if (::lstat(file->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
        if (info.st_size >= options_.sizeMax) out.push_back(file->path().string());
      }
    }
  }
  return out;
}

Task<void> LogRotator::rotateAll(std::stop_token stop) {
  for (auto& path : oversized()) {
    if (stop.stop_requested()) co_return;
    Status rotated = co_await rotate(path, stop);
    // The log of a container that has ended grows no more.
    if (!rotated.ok() && !isNotFound(rotated) && !isCanceled(rotated))
      log.warn("cannot rotate a log", {{"path", path}, {"error", rotated}});
  }
}

Task<Status> LogRotator::rotate(std::string logPath, std::stop_token stop) {
  CO_TRY(auto writer, co_await writers_.writerOf(logPath, stop));
  auto rotated = withoutLeftovers(rotatedOf(logPath));
  // Room for the one being written and the one it becomes now.
  auto keep = static_cast<size_t>(options_.filesMax - 2);
  while (rotated.size() > keep) {
    removeFile(rotated.front());
    rotated.erase(rotated.begin());
  }
  for (const auto& path : rotated) {
    if (path.ends_with(kPacked)) continue;
    Status compressed = co_await compressOnThread(path);
    if (!compressed.ok()) log.warn("cannot compress a log", {{"error", compressed}});
  }
  auto name = logPath + "." + timestamp(executor_.wallNow());
  std::error_code error;
  fs::rename(logPath, name, error);
  if (error) co_return errnoStatus("rename " + logPath, error.value());
  // Not to be stopped half-way: the runtime must write to the log's own name again.
  Status reopened = co_await writers_.reopen(writer, {});
  if (reopened.ok()) co_return Status();
  fs::rename(name, logPath, error);
  co_return reopened.withContext("reopen " + logPath);
}

}  // namespace coxswain::kubelet::logs
