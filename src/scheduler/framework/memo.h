#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "scheduler/framework/diagnosis.h"
#include "scheduler/framework/plugin.h"

namespace coxswain::scheduler {

/// How much the victims on a node are worth; smaller is better: budgets broken, the highest
/// priority among them, the sum of priorities, their number, and how long the most important run.
using VictimCost = std::tuple<int, int32_t, int64_t, size_t, int64_t>;

/// What filters said of nodes about one kind of pod, and what preemption found there. Good as long
/// as the node is as it was (NodeInfo::version). Replicas that fit nowhere come in thousands, and
/// between two of them a handful of nodes changes. Only for pods whose other filters skip:
/// Framework::filtersAreLocal. One executor.
class Memo {
 public:
  explicit Memo(PodInfoPtr pod) : pod_(std::move(pod)) {}

  /// Filters that look at nothing but the pod and the node say the same of both.
  [[nodiscard]] bool isOf(const PodInfo& pod) const;

  struct Verdict {
    Code code = Code::Success;
    uint32_t rejectedBy = 0;
    std::vector<std::string> reasons;
    int64_t count = 0;  ///< of nodes in this decision
  };
  /// Null: not known. Not of the node where room is made for the pod itself.
  [[nodiscard]] Verdict* verdict(const NodeInfo& node) {
    if (node.slot >= answers_.size()) return nullptr;
    const Answer& answer = answers_[node.slot];
    return answer.version == node.version ? &verdicts_[answer.what] : nullptr;
  }
  void remember(const NodeInfo& node, Code code, uint32_t rejectedBy, const Reasons& reasons);
  /// Adds what verdicts were counted to the diagnosis, and counts anew.
  void tell(Diagnosis& diagnosis);

  struct Trial {
    uint64_t version = 0;
    bool helps = false;
    uint32_t why = 0;  ///< index into `whys` where it does not
    VictimCost cost;
  };
  /// Likewise. `budgets` is their version.
  [[nodiscard]] const Trial* trial(const NodeInfo& node, uint64_t budgets) {
    if (budgets != budgets_) forgetTrials(budgets);
    if (node.slot >= trials_.size()) return nullptr;
    const Trial& trial = trials_[node.slot];
    return trial.version == node.version ? &trial : nullptr;
  }
  void rememberVictims(const NodeInfo& node, VictimCost cost);
  void rememberUseless(const NodeInfo& node, const Reasons& reasons);
  [[nodiscard]] const std::vector<std::string>& why(const Trial& trial) const {
    return whys_[trial.why];
  }

 private:
  struct Answer {
    uint64_t version = 0;
    uint32_t what = 0;
  };
  void forgetTrials(uint64_t budgets);
  Trial& trialOf(const NodeInfo& node);

  PodInfoPtr pod_;
  std::vector<Answer> answers_;  ///< by slot
  std::vector<Verdict> verdicts_;
  std::vector<Trial> trials_;  ///< by slot
  std::vector<std::vector<std::string>> whys_;
  uint64_t budgets_ = 0;
};

/// The memos of the kinds of pods that found no node lately: a few, so that their memory is bounded
/// (72 bytes a node each).
class Memos {
 public:
  /// Null: there is none.
  Memo* find(const PodInfo& pod);
  /// Instead of the one that was not asked for longest.
  void add(PodInfoPtr pod);

 private:
  static constexpr size_t kMax = 4;
  std::vector<std::unique_ptr<Memo>> memos_;  ///< asked for last comes first
};

}  // namespace coxswain::scheduler
