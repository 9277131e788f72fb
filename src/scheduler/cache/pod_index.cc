#include "scheduler/cache/pod_index.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "scheduler/cache/cache.h"

namespace coxswain::scheduler {

namespace {

/// Room for counts of all questions together, in numbers: 16 MiB.
constexpr size_t kNumbersMax = size_t{4} << 20;
constexpr size_t kQuestionsMin = 16;
/// Whatever the number of nodes: each has selectors too, and may be asked of every pod that comes.
constexpr size_t kQuestionsMax = 4096;
/// Labels that topologies are made of: a handful in earnest.
constexpr size_t kKeysMax = 256;

size_t mix(size_t seed, size_t value) {
  return (seed ^ value) * 0x9E3779B97F4A7C15ULL + 0x7F4A7C15ULL;
}

bool sameQuestion(std::span<const AffinityTerm> a, std::span<const AffinityTerm> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const AffinityTerm& x, const AffinityTerm& y) { return x.sameAs(y); });
}

}  // namespace

struct PodIndex::Question {
  size_t hash = 0;
  std::vector<AffinityTerm> terms;
  bool leaving = true;
  uint64_t lastAsked = 0;
  std::shared_ptr<NodeCounts> counts = std::make_shared<NodeCounts>();

  [[nodiscard]] bool matches(const PodInfo& pod, const Snapshot& snapshot) const {
    if (!leaving && pod.meta->deletionTimestamp) return false;
    const auto* labels = snapshot.labelsOf(pod.meta->namespace_);
    return std::all_of(terms.begin(), terms.end(),
                       [&](const AffinityTerm& term) { return term.matches(*pod.meta, labels); });
  }
};

PodIndex::PodIndex(const Snapshot& snapshot) : snapshot_(snapshot) {}
PodIndex::~PodIndex() = default;

void PodIndex::addNode(const NodeInfo& node) {
  if (bySlot_.size() <= node.slot) bySlot_.resize(node.slot + 1, nullptr);
  bySlot_[node.slot] = &node;
}

void PodIndex::removeNode(const NodeInfo& node) {
  bySlot_[node.slot] = nullptr;
}

void PodIndex::nodeChanged(const NodeInfo& node) {
  for (auto& [label, key] : keys_)
    key->setNode(node.slot, node.node ? &node.node->metadata.labels : nullptr);
}

std::shared_ptr<const TopologyKey> PodIndex::key(const std::string& label) {
  auto& key = keys_[label];
  if (key) return key;
  key = std::make_shared<TopologyKey>(label);
  auto made = key;
  if (keys_.size() > kKeysMax) {
    // Counts by the forgotten ones go with them; whoever uses one now keeps it.
    keys_.clear();
    questions_.clear();
    questionsByLabel_.clear();
    questionCount_ = 0;
    keys_[label] = made;
    for (auto& [hash, groups] : groups_)
      for (auto& group : groups) group->key = nullptr;
  }
  for (const NodeInfo* node : bySlot_)
    if (node && node->node) made->setNode(node->slot, &node->node->metadata.labels);
  return made;
}

std::shared_ptr<NodeCounts> PodIndex::count(std::span<const AffinityTerm> terms, bool leaving) {
  size_t hash = leaving ? 1 : 0;
  for (const auto& term : terms) hash = mix(hash, term.hash);
  auto& same = questions_[hash];
  for (const auto& question : same) {
    if (question->leaving != leaving || !sameQuestion(question->terms, terms)) continue;
    question->lastAsked = ++clock_;
    return question->counts;
  }
  auto question = std::make_unique<Question>();
  question->hash = hash;
  question->terms.assign(terms.begin(), terms.end());
  question->leaving = leaving;
  question->lastAsked = ++clock_;
  for (const NodeInfo* node : bySlot_) {
    if (!node) continue;
    for (const auto& pod : node->pods)
      if (question->matches(*pod, snapshot_)) question->counts->add(node->slot, 1);
  }
  auto counts = question->counts;
  questionsByLabel_.add(question->terms.front().selector, question.get());
  same.push_back(std::move(question));
  if (++questionCount_ > kQuestionsMax ||
      (questionCount_ > kQuestionsMin && questionCount_ * bySlot_.size() > kNumbersMax))
    forgetOldest();
  return counts;
}

void PodIndex::forget(Question& question) {
  questionsByLabel_.remove(question.terms.front().selector, &question);
  const auto at = questions_.find(question.hash);
  std::erase_if(at->second, [&](const auto& have) { return have.get() == &question; });
  if (at->second.empty()) questions_.erase(at);
  --questionCount_;
}

void PodIndex::forgetOldest() {
  Question* oldest = nullptr;
  for (auto& [hash, same] : questions_)
    for (auto& question : same)
      if (!oldest || question->lastAsked < oldest->lastAsked) oldest = question.get();
  if (oldest) forget(*oldest);
}

void PodIndex::namespaceChanged() {
  std::vector<Question*> stale;
  for (auto& [hash, same] : questions_)
    for (auto& question : same)
      if (std::any_of(question->terms.begin(), question->terms.end(),
                      [](const AffinityTerm& term) { return !term.namespaceSelector.isNothing(); }))
        stale.push_back(question.get());
  for (Question* question : stale) forget(*question);
}

void PodIndex::change(const PodInfo& pod, uint32_t slot, int32_t by) {
  if (questionCount_ > 0) {
    questionsByLabel_.visit(pod.meta->labels, [&](Question& question) {
      if (question.matches(pod, snapshot_)) question.counts->add(slot, by);
    });
  }
  if (!pod.affinity) return;
  const auto each = [&](const std::vector<AffinityTerm>& terms, TermKind kind, int32_t sign) {
    for (const auto& term : terms)
      changeTerm(term, kind, kind == TermKind::Preferred ? sign * term.weight : 1, slot, by);
  };
  each(pod.affinity->requiredAffinity, TermKind::RequiredAffinity, 1);
  each(pod.affinity->requiredAntiAffinity, TermKind::RequiredAntiAffinity, 1);
  each(pod.affinity->preferredAffinity, TermKind::Preferred, 1);
  each(pod.affinity->preferredAntiAffinity, TermKind::Preferred, -1);
}

void PodIndex::changeTerm(const AffinityTerm& term, TermKind kind, int32_t weight, uint32_t slot,
                          int32_t by) {
  const size_t hash =
      mix(mix(term.hash, std::hash<std::string>()(term.topologyKey)), static_cast<size_t>(kind));
  auto& same = groups_[hash];
  auto at = std::find_if(same.begin(), same.end(), [&](const auto& group) {
    return group->kind == kind && group->term.topologyKey == term.topologyKey &&
           group->term.sameAs(term);
  });
  if (at == same.end()) {
    same.push_back(std::make_unique<TermGroup>());
    at = std::prev(same.end());
    (*at)->term = term;
    (*at)->kind = kind;
    groupsByLabel_.add(term.selector, at->get());
  }
  TermGroup& group = **at;
  group.counts.add(slot, weight * by);
  group.pods = static_cast<size_t>(static_cast<int64_t>(group.pods) + by);
  if (group.pods > 0) return;
  groupsByLabel_.remove(group.term.selector, &group);
  same.erase(at);
  if (same.empty()) groups_.erase(hash);
}

void PodIndex::visitGroups(const PodInfo& pod, void (*visitor)(void*, TermGroup&), void* context) {
  const auto* labels = snapshot_.labelsOf(pod.meta->namespace_);
  groupsByLabel_.visit(pod.meta->labels, [&](TermGroup& group) {
    if (!group.term.matches(*pod.meta, labels)) return;
    if (!group.key) group.key = key(group.term.topologyKey);
    visitor(context, group);
  });
}

}  // namespace coxswain::scheduler
