#include "controllers/endpointslice/tracker.h"

#include <algorithm>

#include "api/gen/meta_v1.h"

namespace coxswain::controllers::endpointslice {

void SliceTracker::wrote(const std::string& owner, const api::discovery::v1::EndpointSlice& slice) {
  owners_[owner][slice.metadata.uid] = slice.metadata.generation;
}

void SliceTracker::removed(const std::string& owner, const std::string& uid) {
  owners_[owner][uid] = kRemoved;
}

void SliceTracker::observeGone(const std::string& owner, const std::string& uid) {
  auto found = owners_.find(owner);
  if (found != owners_.end()) found->second.erase(uid);
}

bool SliceTracker::stale(const std::string& owner, const std::vector<SlicePointer>& cached) {
  auto found = owners_.find(owner);
  if (found == owners_.end()) return false;
  auto& expected = found->second;
  for (auto at = expected.begin(); at != expected.end();) {
    auto shown = std::find_if(cached.begin(), cached.end(),
                              [at](const auto& slice) { return slice->metadata.uid == at->first; });
    const bool done = at->second == kRemoved
                          ? shown == cached.end()
                          : shown != cached.end() && (*shown)->metadata.generation >= at->second;
    at = done ? expected.erase(at) : std::next(at);
  }
  return !expected.empty();
}

}  // namespace coxswain::controllers::endpointslice
