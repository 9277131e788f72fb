#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/metrics_v1beta1.h"
#include "api/meta/quantity.h"

namespace coxswain::cli {

/// How `kubectl top` prints. Pure. Upstream: kubectl/pkg/metricsutil.
struct TopPrint {
  std::string sortBy;  ///< "cpu", "memory": the most first; empty: by name
  bool noHeaders = false;
  bool swap = false;
};

/// What a node has: by resource.
using Available = std::map<std::string, api::Quantity, std::less<>>;

/// Nodes of `available` without metrics come last. Empty without metrics.
std::string printNodes(std::vector<api::metrics::v1beta1::NodeMetrics> metrics,
                       std::map<std::string, Available> available, const TopPrint& how);

struct TopPods {
  bool namespaces = false;  ///< a column of them
  bool containers = false;  ///< a line for each
  bool sum = false;         ///< and one of all
};
/// Empty without metrics.
std::string printPods(std::vector<api::metrics::v1beta1::PodMetrics> metrics, const TopPods& what,
                      const TopPrint& how);

}  // namespace coxswain::cli
