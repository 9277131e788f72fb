#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/random.h"
#include "scheduler/framework/framework.h"
#include "scheduler/framework/memo.h"

namespace coxswain::scheduler {

/// What came of looking for a node. `node` empty: none; then `diagnosis` tells why.
struct Decision {
  std::string node;
  /// A plugin failed (not: the pod does not fit). OK otherwise.
  Status error;
  Diagnosis diagnosis;
  CycleState state;
  /// What is known of pods like this one: the picker's. Null: nothing is, or it does not hold.
  Memo* memo = nullptr;
  size_t evaluated = 0;  ///< nodes that were filtered
  size_t feasible = 0;
};

/// How many feasible nodes are enough among `nodeCount`. `percentage` 0: adaptive, 50 % less one
/// for each 125 nodes, at least 5 %; never below 100 nodes.
size_t feasibleNodesWanted(size_t nodeCount, int percentage);

/// Finds the node for one pod: a pure decision on a snapshot, but for where the next search
/// starts and random ties. One executor.
class Picker {
 public:
  Picker(const Framework& framework, Random& random, int percentageOfNodesToScore = 0)
      : framework_(framework), ties_(random.next() | 1), percentage_(percentageOfNodesToScore) {}

  Decision pick(const PodInfoPtr& pod, const Snapshot& snapshot);

  // Where others are asked in between, which takes time: first `find`, then `pickAmong`, each a
  // decision of its own.
  /// Leaves nodes that fit in `feasible()`; the decision names none. `nominatedFirst`: where the
  /// pod is nominated and fits, that node is the only one.
  Decision find(const PodInfoPtr& pod, const Snapshot& snapshot, bool nominatedFirst);
  [[nodiscard]] const std::vector<const NodeInfo*>& feasible() const { return feasible_; }
  /// The best of these nodes, by their names, as far as they (still) fit; what others said of them
  /// is added to their scores.
  using Scores = std::unordered_map<std::string, int64_t>;
  Decision pickAmong(const PodInfoPtr& pod, const Snapshot& snapshot, const Scores& nodes);

 private:
  bool findFeasible(const PodInfo& pod, const Snapshot& snapshot, Decision& decision,
                    bool nominatedFirst);
  const NodeInfo* best(const PodInfo& pod, const Snapshot& snapshot, CycleState& state,
                       const Scores* others = nullptr);
  /// The node for which the pod is nominated, if it fits there now: nobody else is asked then.
  bool fitsWhereNominated(const PodInfo& pod, const Snapshot& snapshot, Decision& decision);
  uint64_t below(uint64_t bound);

  const Framework& framework_;
  uint64_t ties_;  ///< xorshift state: a draw must not cost a call of the kernel
  int percentage_;
  size_t start_ = 0;
  // Kept from pod to pod for their memory.
  std::vector<const NodeInfo*> feasible_;
  std::vector<int64_t> totals_;
  Memos memos_;
  Reasons reasons_;
};

}  // namespace coxswain::scheduler
