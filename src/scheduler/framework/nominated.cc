#include "scheduler/framework/nominated.h"

namespace coxswain::scheduler {

Code filterBesideNominated(const Framework& framework, CycleState& state, const PodInfo& pod,
                           const NodeInfo& node, const Snapshot& snapshot, Reasons& reasons,
                           uint32_t& rejectedBy) {
  const auto counts = [&](const PodInfo& other) {
    return other.priority >= pod.priority && other.key != pod.key;
  };
  NodeInfo& trial = forTrial(node);
  const TrialScope scope(trial);
  bool any = false;
  for (const auto& other : node.nominated) {
    if (!counts(*other)) continue;
    any = true;
    trial.addPod(other);
    framework.podChanged(state, pod, *other, true, node, snapshot);
  }
  if (any) {
    const Code code = framework.filter(state, pod, node, reasons, rejectedBy);
    for (size_t i = node.nominated.size(); i-- > 0;) {
      const auto& other = node.nominated[i];
      if (!counts(*other)) continue;
      trial.removePod(*other);
      framework.podChanged(state, pod, *other, false, node, snapshot);
    }
    if (code != Code::Success) return code;
  }
  return framework.filter(state, pod, node, reasons, rejectedBy);
}

}  // namespace coxswain::scheduler
