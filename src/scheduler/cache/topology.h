#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/reflect/map.h"
#include "scheduler/cache/counts.h"

namespace coxswain::scheduler {

/// The domains that one label of nodes makes ("topology.kubernetes.io/zone"): each of its values is
/// a small number, so that counting by domain is adding to a vector. Nodes go by their slot.
class TopologyKey {
 public:
  static constexpr int32_t kNone = -1;

  explicit TopologyKey(std::string label) : label_(std::move(label)) {}

  [[nodiscard]] const std::string& label() const { return label_; }
  /// kNone: the node is not known or lacks the label.
  [[nodiscard]] int32_t domainOf(uint32_t slot) const {
    return slot < domainOf_.size() ? domainOf_[slot] : kNone;
  }
  /// Numbers go from 0 to this; some are out of use: `nodesIn` is zero there.
  [[nodiscard]] size_t domainsEnd() const { return nodesIn_.size(); }
  [[nodiscard]] int32_t nodesIn(size_t domain) const { return nodesIn_[domain]; }
  /// Those that have nodes.
  [[nodiscard]] size_t domains() const { return byValue_.size(); }
  /// Nodes with the label.
  [[nodiscard]] size_t nodes() const { return nodes_; }
  /// Differs whenever some node changed its domain.
  [[nodiscard]] uint64_t generation() const { return generation_; }

  /// `labels` null: the node is not known.
  void setNode(uint32_t slot, const api::Map<std::string>* labels);

 private:
  std::string label_;
  std::vector<int32_t> domainOf_;
  std::vector<int32_t> nodesIn_;
  std::vector<const std::string*> valueOf_;  ///< keys of byValue_
  std::vector<int32_t> unused_;
  std::unordered_map<std::string, int32_t> byValue_;
  size_t nodes_ = 0;
  uint64_t generation_ = 1;
};

/// How many pods of some kind each node has, and, for the keys that were asked for, each domain:
/// kept up to date by additions, worked out again only when nodes change their domains.
class NodeCounts {
 public:
  struct Domains {
    std::shared_ptr<const TopologyKey> key;
    uint64_t generation = 0;
    Counts counts;  ///< by domain
    int64_t total = 0;
    [[nodiscard]] int32_t at(int32_t domain) const {
      return domain < 0 ? 0 : counts.at(static_cast<uint32_t>(domain));
    }
  };

  void add(uint32_t slot, int32_t by);
  [[nodiscard]] int32_t onNode(uint32_t slot) const { return perNode_.at(slot); }
  /// Up to date until the next change of nodes; then ask again. The reference stays.
  const Domains& by(const std::shared_ptr<const TopologyKey>& key);
  [[nodiscard]] size_t bytes() const;

 private:
  Counts perNode_;
  std::vector<std::unique_ptr<Domains>> domains_;
};

}  // namespace coxswain::scheduler
