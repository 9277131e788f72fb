#include "cmd/file_reload.h"

#include "base/log.h"
#include "runtime/file_watch.h"
#include "runtime/files.h"
#include "runtime/spawn.h"

namespace coxswain::cmd {
namespace {

const Logger kLog("kube-apiserver");

constexpr auto kLookAgainAfter = 10s;

}  // namespace

void FileReload::watch(const std::string& file, Changed changed) {
  std::string folder(parentPath(file));
  if (folder.empty()) folder = ".";
  if (auto pass = gate_.enter()) {
    spawn(reactor_, follow(std::move(folder), std::move(changed), std::move(pass)));
  }
}

Task<void> FileReload::follow(std::string folder, Changed changed, Gate::Pass pass) {
  SystemFileWatches watches(reactor_);
  const auto stop = stop_.get_token();
  bool missed = false;
  while (!stop.stop_requested()) {
    auto watch = watches.watchFolder(folder);
    if (watch.ok()) {
      if (missed) changed();
      while (true) {
        Status seen = co_await (*watch)->changed(stop);
        if (!seen.ok()) break;
        changed();
      }
    } else {
      kLog.warn("folder cannot be watched", {{"folder", folder}, {"why", watch.status()}});
    }
    missed = true;
    Status slept = co_await sleepFor(kLookAgainAfter, stop);
    if (!slept.ok()) break;
  }
}

Task<void> FileReload::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

}  // namespace coxswain::cmd
