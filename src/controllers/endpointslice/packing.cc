#include "controllers/endpointslice/packing.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/reflect/equal.h"

namespace coxswain::controllers::endpointslice {

using api::discovery::v1::Endpoint;
using api::discovery::v1::EndpointPort;
using api::discovery::v1::EndpointSlice;

namespace {

bool samePorts(const std::vector<EndpointPort>& a, const std::vector<EndpointPort>& b) {
  return a.size() == b.size() && std::is_permutation(a.begin(), a.end(), b.begin());
}

struct Draft {
  SlicePointer before;
  EndpointSlice slice;
  bool changed = false;
};

/// The slices of one group of ports.
class Packing {
 public:
  Packing(EndpointGroup group, const EndpointSlice& pattern, size_t endpointsMax)
      : pattern_(pattern), endpointsMax_(endpointsMax), ports_(std::move(group.ports)) {
    for (auto& endpoint : group.endpoints)
      wanted_.emplace(identityOf(endpoint), std::move(endpoint));
  }

  [[nodiscard]] bool fits(const EndpointSlice& slice) const {
    return samePorts(ports_, slice.ports);
  }

  /// Keeps what is wanted of an existing slice.
  void take(const SlicePointer& before) {
    Draft draft{before, *before, false};
    auto& slice = draft.slice;
    std::vector<Endpoint> kept;
    for (auto& endpoint : slice.endpoints) {
      auto found = wanted_.find(identityOf(endpoint));
      if (found == wanted_.end()) {
        draft.changed = true;
        continue;
      }
      if (!api::semanticEqual(endpoint, found->second)) draft.changed = true;
      kept.push_back(std::move(found->second));
      wanted_.erase(found);
    }
    slice.endpoints = std::move(kept);
    if (slice.metadata.labels != pattern_.metadata.labels) {
      slice.metadata.labels = pattern_.metadata.labels;
      draft.changed = true;
    }
    drafts_.push_back(std::move(draft));
  }

  void finish(SliceChanges& changes) {
    std::vector<Endpoint> rest = unplaced();
    // Into those that are written anyway, the fullest first.
    std::stable_sort(drafts_.begin(), drafts_.end(), [](const Draft& a, const Draft& b) {
      return a.slice.endpoints.size() > b.slice.endpoints.size();
    });
    for (auto& draft : drafts_) {
      if (draft.changed && !draft.slice.endpoints.empty()) fill(draft, rest);
    }
    // One more write at most: the fullest that has room for the remainder.
    const size_t remainder = rest.size() % endpointsMax_;
    if (remainder > 0) {
      for (auto& draft : drafts_) {
        if (!draft.changed && draft.slice.endpoints.size() + remainder <= endpointsMax_) {
          fill(draft, rest);
          break;
        }
      }
    }
    // Emptied ones, rather than new ones.
    for (auto& draft : drafts_) {
      if (draft.slice.endpoints.empty()) fill(draft, rest);
    }
    emit(rest, changes);
  }

 private:
  std::vector<Endpoint> unplaced() {
    std::vector<Endpoint> rest;
    for (auto& [identity, endpoint] : wanted_) rest.push_back(std::move(endpoint));
    std::sort(rest.begin(), rest.end(), [](const Endpoint& a, const Endpoint& b) {
      return identityOf(a) > identityOf(b);  // taken from the back
    });
    return rest;
  }

  void fill(Draft& draft, std::vector<Endpoint>& rest) const {
    auto& into = draft.slice.endpoints;
    while (!rest.empty() && into.size() < endpointsMax_) {
      into.push_back(std::move(rest.back()));
      rest.pop_back();
      draft.changed = true;
    }
  }

  void emit(std::vector<Endpoint>& rest, SliceChanges& changes) {
    for (auto& draft : drafts_) {
      if (draft.slice.endpoints.empty()) {
        changes.remove.push_back(draft.before);
      } else if (draft.changed) {
        changes.update.push_back(std::move(draft.slice));
      }
    }
    while (!rest.empty()) {
      Draft draft{nullptr, pattern_, true};
      draft.slice.ports = ports_;
      fill(draft, rest);
      changes.create.push_back(std::move(draft.slice));
    }
  }

  const EndpointSlice& pattern_;
  size_t endpointsMax_;
  std::vector<EndpointPort> ports_;
  std::unordered_map<std::string, Endpoint> wanted_;
  std::vector<Draft> drafts_;
};

/// Nothing would be left: one empty slice instead, an existing one where there is one.
void keepPlaceholder(SliceChanges& changes, const EndpointSlice& pattern) {
  EndpointSlice empty = pattern;
  auto isPlaceholder = [](const SlicePointer& slice) {
    return slice->endpoints.empty() && slice->ports.empty();
  };
  auto known = std::find_if(changes.remove.begin(), changes.remove.end(), isPlaceholder);
  if (known == changes.remove.end()) {
    changes.create.push_back(std::move(empty));
    return;
  }
  if ((*known)->metadata.labels != pattern.metadata.labels) {
    EndpointSlice slice = **known;
    slice.metadata.labels = pattern.metadata.labels;
    changes.update.push_back(std::move(slice));
  }
  changes.remove.erase(known);
}

}  // namespace

std::string identityOf(const Endpoint& endpoint) {
  std::string identity = endpoint.addresses.empty() ? "" : endpoint.addresses[0];
  if (endpoint.targetRef) identity += "/" + endpoint.targetRef->uid;
  return identity;
}

std::vector<SlicePointer> keptOf(const std::vector<SlicePointer>& existing,
                                 const SliceChanges& changes) {
  std::set<std::string_view> touched;
  for (const auto& slice : changes.update) touched.insert(slice.metadata.uid);
  for (const auto& slice : changes.remove) touched.insert(slice->metadata.uid);
  std::vector<SlicePointer> kept;
  for (const auto& slice : existing) {
    if (!touched.contains(slice->metadata.uid)) kept.push_back(slice);
  }
  return kept;
}

SliceChanges packSlices(std::vector<EndpointGroup> groups,
                        const std::vector<SlicePointer>& existing, const EndpointSlice& pattern,
                        size_t endpointsMax, bool placeholder) {
  SliceChanges changes;
  std::vector<Packing> packings;
  packings.reserve(groups.size());
  for (auto& group : groups) packings.emplace_back(std::move(group), pattern, endpointsMax);
  for (const auto& slice : existing) {
    auto fitting = std::find_if(packings.begin(), packings.end(),
                                [&slice](const Packing& p) { return p.fits(*slice); });
    if (fitting == packings.end()) {
      changes.remove.push_back(slice);
    } else {
      fitting->take(slice);
    }
  }
  for (auto& packing : packings) packing.finish(changes);
  const bool nothing = changes.create.empty() && changes.remove.size() == existing.size();
  if (nothing && placeholder) keepPlaceholder(changes, pattern);
  return changes;
}

}  // namespace coxswain::controllers::endpointslice
