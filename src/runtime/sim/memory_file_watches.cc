#include <cerrno>

#include "runtime/sim/memory_files_impl.h"

namespace coxswain::sim {

class MemoryFiles::MemoryFileWatch final : public FileWatch {
 public:
  explicit MemoryFileWatch(std::shared_ptr<WatchState> state) : state_(std::move(state)) {}

  Task<Status> changed(std::stop_token stop) override {
    while (!state_->changed && !state_->gone) {
      Status waited = co_await state_->waiting.wait(stop);
      if (!waited.ok()) co_return waited;
    }
    state_->changed = false;
    co_return state_->gone ? errnoStatus("watch", ENOENT) : Status();
  }

 private:
  std::shared_ptr<WatchState> state_;
};

void MemoryFiles::changedIn(const std::string& place) {
  const std::string_view folder = parentPath(place);
  std::erase_if(watches_, [](const auto& watch) { return watch.expired(); });
  for (const auto& weak : watches_) {
    const auto state = weak.lock();
    if (state->folder == folder) state->changed = true;
    if (!nodes_.contains(state->folder)) state->gone = true;
    if (state->changed || state->gone) state->waiting.notifyAll();
  }
}

Result<std::unique_ptr<FileWatch>> MemoryFileWatches::watchFolder(const std::string& path) {
  TRY(const auto place, files_.resolve(path, true));
  const auto node = files_.nodes_.find(place);
  if (node == files_.nodes_.end() || node->second.type != FileType::Directory) {
    return errnoStatus("watch " + path, ENOENT);
  }
  auto state = std::make_shared<MemoryFiles::WatchState>();
  state->folder = place;
  files_.watches_.push_back(state);
  return std::unique_ptr<FileWatch>(
      std::make_unique<MemoryFiles::MemoryFileWatch>(std::move(state)));
}

}  // namespace coxswain::sim
