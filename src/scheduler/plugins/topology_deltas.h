#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "scheduler/cache/topology.h"

namespace coxswain::scheduler::plugins {

/// What a trial changes of counts by domain: pods put on a node or taken off it. Changes that
/// cancel out leave nothing.
class TopologyDeltas {
 public:
  void add(const std::shared_ptr<const TopologyKey>& key, int32_t domain, int32_t by) {
    for (auto& entry : entries_) {
      if (entry.key != key || entry.domain != domain) continue;
      entry.by += by;
      if (entry.by == 0) {
        entry = std::move(entries_.back());
        entries_.pop_back();
      }
      return;
    }
    entries_.push_back({key, domain, by});
  }
  [[nodiscard]] int32_t at(const TopologyKey& key, int32_t domain) const {
    for (const auto& entry : entries_)
      if (entry.key.get() == &key && entry.domain == domain) return entry.by;
    return 0;
  }
  [[nodiscard]] bool empty() const { return entries_.empty(); }

  struct Entry {
    std::shared_ptr<const TopologyKey> key;
    int32_t domain;
    int32_t by;
  };
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace coxswain::scheduler::plugins
