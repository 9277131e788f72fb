#include "kubelet/static_pods/file_source.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {

using api::core::v1::Pod;

namespace {
const Logger kLog("static_pods");
constexpr size_t kManifestMax = 10 << 20;
/// Editors write in several steps: look when it is quiet.
constexpr Duration kSettle = 50ms;
}  // namespace

FileSource::FileSource(Executor& executor, Files& files, FileWatches* watches, Options options,
                       Handler handler)
    : executor_(executor),
      files_(files),
      watches_(watches),
      options_(std::move(options)),
      handler_(std::move(handler)) {}
FileSource::~FileSource() = default;

void FileSource::start() {
  if (auto pass = gate_.enter()) {
    spawn(executor_, run(*this, std::move(pass), stop_.get_token()));
  }
}

Task<void> FileSource::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

Task<void> FileSource::run(FileSource& self, Gate::Pass pass, std::stop_token stop) {
  std::unique_ptr<FileWatch> watch;
  while (!stop.stop_requested()) {
    if (!watch && self.watches_ != nullptr) {
      const auto info = self.files_.stat(self.options_.path);
      const std::string folder = info.ok() && info->isDirectory()
                                     ? self.options_.path
                                     : std::string(parentPath(self.options_.path));
      auto made = self.watches_->watchFolder(folder);
      if (made.ok()) watch = std::move(*made);
    }
    self.read();
    Deadline deadline(self.options_.period, stop);
    if (!watch) {
      Status ignored = co_await sleepFor(self.options_.period, stop);
      (void)ignored;
      continue;
    }
    const Status changed = co_await watch->changed(deadline.token());
    if (changed.ok()) {
      Status ignored = co_await sleepFor(kSettle, stop);
      (void)ignored;
    } else if (!isCanceled(changed)) {
      watch.reset();  // the folder is gone; it may come again
      Status ignored = co_await sleepFor(kSettle, stop);
      (void)ignored;
    }
  }
}

std::vector<std::string> FileSource::manifests() {
  const auto info = files_.stat(options_.path);
  if (!info.ok()) return {};
  if (!info->isDirectory()) return {options_.path};
  std::vector<std::string> paths;
  for (const auto& name : files_.list(options_.path).valueOr(std::vector<std::string>())) {
    if (name.starts_with('.')) continue;
    std::string path = joinPath(options_.path, name);
    const auto file = files_.stat(path);
    if (file.ok() && file->isRegular()) paths.push_back(std::move(path));
  }
  return paths;
}

void FileSource::read() {
  std::map<std::string, PodPointer> now;
  bool changed = false;
  for (const auto& path : manifests()) {
    const auto text = files_.read(path, kManifestMax);
    if (!text.ok()) {
      kLog.warn("a static pod manifest cannot be read", {{"path", path}, {"error", text.status()}});
      continue;
    }
    const std::string key = path + '\0' + *text;
    if (const auto known = known_.find(key); known != known_.end()) {
      now.insert(*known);
      continue;
    }
    changed = true;
    auto pod = readStaticPod(*text, path, options_.nodeName, executor_.wallNow());
    if (pod.ok()) {
      now[key] = std::make_shared<const Pod>(std::move(*pod));
    } else {
      kLog.warn("a static pod manifest is no pod", {{"path", path}, {"error", pod.status()}});
      now[key] = nullptr;  // told of once
    }
  }
  changed = changed || now.size() != known_.size();
  known_ = std::move(now);
  if (!changed && told_) return;
  told_ = true;
  std::vector<PodPointer> pods;
  for (const auto& [key, pod] : known_) {
    if (pod) pods.push_back(pod);
  }
  handler_(std::move(pods));
}

}  // namespace coxswain::kubelet
