#include "scheduler/cache/topology.h"

namespace coxswain::scheduler {

void TopologyKey::setNode(uint32_t slot, const api::Map<std::string>* labels) {
  const std::string* value = labels ? labels->get(label_) : nullptr;
  const int32_t had = domainOf(slot);
  if (had == kNone && !value) return;
  if (had != kNone && value && *valueOf_[static_cast<size_t>(had)] == *value) return;
  ++generation_;
  if (had != kNone) {
    const auto domain = static_cast<size_t>(had);
    --nodes_;
    domainOf_[slot] = kNone;
    if (--nodesIn_[domain] == 0) {
      byValue_.erase(byValue_.find(*valueOf_[domain]));
      valueOf_[domain] = nullptr;
      unused_.push_back(had);
    }
  }
  if (!value) return;
  const auto [at, isNew] = byValue_.try_emplace(*value, 0);
  if (isNew) {
    if (unused_.empty()) {
      at->second = static_cast<int32_t>(nodesIn_.size());
      nodesIn_.push_back(0);
      valueOf_.push_back(&at->first);
    } else {
      at->second = unused_.back();
      unused_.pop_back();
      valueOf_[static_cast<size_t>(at->second)] = &at->first;
    }
  }
  if (domainOf_.size() <= slot) domainOf_.resize(slot + 1, kNone);
  domainOf_[slot] = at->second;
  ++nodesIn_[static_cast<size_t>(at->second)];
  ++nodes_;
}

void NodeCounts::add(uint32_t slot, int32_t by) {
  perNode_.add(slot, by);
  for (auto& domains : domains_) {
    if (domains->generation != domains->key->generation()) continue;  // worked out when asked for
    const int32_t domain = domains->key->domainOf(slot);
    if (domain == TopologyKey::kNone) continue;
    domains->counts.add(static_cast<uint32_t>(domain), by);
    domains->total += by;
  }
}

const NodeCounts::Domains& NodeCounts::by(const std::shared_ptr<const TopologyKey>& key) {
  Domains* domains = nullptr;
  for (auto& have : domains_)
    if (have->key == key) domains = have.get();
  if (!domains) {
    domains_.push_back(std::make_unique<Domains>());
    domains = domains_.back().get();
    domains->key = key;
  }
  if (domains->generation == key->generation()) return *domains;
  domains->generation = key->generation();
  domains->counts.clear();
  domains->total = 0;
  perNode_.forEach([&](uint32_t slot, int32_t count) {
    const int32_t domain = key->domainOf(slot);
    if (domain == TopologyKey::kNone) return;
    domains->counts.add(static_cast<uint32_t>(domain), count);
    domains->total += count;
  });
  return *domains;
}

size_t NodeCounts::bytes() const {
  size_t bytes = perNode_.bytes();
  for (const auto& domains : domains_) bytes += sizeof(Domains) + domains->counts.bytes();
  return bytes;
}

}  // namespace coxswain::scheduler
