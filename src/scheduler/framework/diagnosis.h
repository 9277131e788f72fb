#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/framework/plugin.h"

namespace coxswain::scheduler {

/// How often each reason was given. Few different ones: searched in line.
class ReasonCounts {
 public:
  void add(std::string_view reason, int64_t count = 1);
  [[nodiscard]] bool empty() const { return counts_.empty(); }
  /// "1 Insufficient cpu, 2 node(s) were unschedulable": sorted as text.
  [[nodiscard]] std::string str() const;

 private:
  struct Entry {
    std::string text;
    const char* from;  ///< where the text lay: literals, mostly
    int64_t count;
  };
  std::vector<Entry> counts_;
};

/// Why a pod found no node.
struct Diagnosis {
  size_t nodeCount = 0;
  /// PreFilter rejected the pod; empty: Filter did, node by node.
  std::string preFilterMessage;
  ReasonCounts reasons;
  /// Nodes that preemption may help with (Unschedulable), as indices into snapshot.nodes.
  std::vector<uint32_t> resolvable;
  /// Bit of each plugin that rejected the pod somewhere: whose events wake it.
  uint32_t rejectedBy = 0;
  /// "preemption: ..."; empty: not tried.
  std::string postFilterMessage;

  /// The message of event FailedScheduling and of condition PodScheduled.
  [[nodiscard]] std::string message() const;
};

/// "0/3 nodes are available: <reasons>." with upstream's punctuation.
std::string fitErrorMessage(size_t nodeCount, std::string_view preFilterMessage,
                            const ReasonCounts& reasons, std::string_view postFilterMessage);

}  // namespace coxswain::scheduler
