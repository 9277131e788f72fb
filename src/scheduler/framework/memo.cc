#include "scheduler/framework/memo.h"

#include <algorithm>

#include "api/gen/core_v1.h"

namespace coxswain::scheduler {

namespace {

/// More different texts than this are forgotten together: verdicts are few in earnest.
constexpr size_t kTextsMax = 64;

bool same(const std::vector<std::string>& a, const Reasons& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

template <typename T>
T& at(std::vector<T>& list, uint32_t slot) {
  if (list.size() <= slot) list.resize(slot + 1);
  return list[slot];
}

}  // namespace

bool Memo::isOf(const PodInfo& pod) const {
  const PodInfo& own = *pod_;
  const auto& a = own.pod->spec;
  const auto& b = pod.pod->spec;
  return own.priority == pod.priority && own.requests == pod.requests &&
         own.hostPorts == pod.hostPorts && a.nodeName == b.nodeName &&
         a.nodeSelector == b.nodeSelector && a.tolerations == b.tolerations &&
         a.affinity == b.affinity;
}

void Memo::remember(const NodeInfo& node, Code code, uint32_t rejectedBy, const Reasons& reasons) {
  const auto found = std::find_if(verdicts_.begin(), verdicts_.end(), [&](const Verdict& have) {
    return have.code == code && have.rejectedBy == rejectedBy && same(have.reasons, reasons);
  });
  const auto what = static_cast<uint32_t>(found - verdicts_.begin());
  if (found == verdicts_.end()) {
    // Those that were counted in this decision must stay.
    if (verdicts_.size() >= kTextsMax) return;
    verdicts_.push_back({code, rejectedBy, {reasons.begin(), reasons.end()}, 0});
  }
  at(answers_, node.slot) = {node.version, what};
}

void Memo::tell(Diagnosis& diagnosis) {
  for (auto& verdict : verdicts_) {
    if (verdict.count > 0) {
      diagnosis.rejectedBy |= verdict.rejectedBy;
      for (const auto& reason : verdict.reasons) diagnosis.reasons.add(reason, verdict.count);
    }
    verdict.count = 0;
  }
  if (verdicts_.size() < kTextsMax) return;
  verdicts_.clear();
  answers_.clear();
}

void Memo::forgetTrials(uint64_t budgets) {
  budgets_ = budgets;
  trials_.clear();
  whys_.clear();
}

Memo::Trial& Memo::trialOf(const NodeInfo& node) {
  Trial& trial = at(trials_, node.slot);
  trial.version = node.version;
  return trial;
}

void Memo::rememberVictims(const NodeInfo& node, VictimCost cost) {
  Trial& trial = trialOf(node);
  trial.helps = true;
  trial.cost = cost;
}

void Memo::rememberUseless(const NodeInfo& node, const Reasons& reasons) {
  const auto found = std::find_if(whys_.begin(), whys_.end(),
                                  [&](const auto& have) { return same(have, reasons); });
  const auto why = static_cast<uint32_t>(found - whys_.begin());
  if (found == whys_.end()) {
    if (whys_.size() >= kTextsMax) return;
    whys_.emplace_back(reasons.begin(), reasons.end());
  }
  Trial& trial = trialOf(node);
  trial.helps = false;
  trial.why = why;
}

Memo* Memos::find(const PodInfo& pod) {
  const auto found =
      std::find_if(memos_.begin(), memos_.end(), [&](const auto& memo) { return memo->isOf(pod); });
  if (found == memos_.end()) return nullptr;
  std::rotate(memos_.begin(), found, found + 1);
  return memos_.front().get();
}

void Memos::add(PodInfoPtr pod) {
  if (memos_.size() >= kMax) memos_.pop_back();
  memos_.insert(memos_.begin(), std::make_unique<Memo>(std::move(pod)));
}

}  // namespace coxswain::scheduler
