#pragma once

#include <map>
#include <string>
#include <vector>

#include "controllers/framework/controller.h"
#include "controllers/nodeipam/cidr_set.h"

namespace coxswain::controllers::nodeipam {

/// Gives each node its ranges of pod addresses (spec.podCIDRs), one of each cluster range.
/// Upstream: pkg/controller/nodeipam/ipam/range_allocator.go.
class NodeIpamController final : public Controller {
 public:
  struct Options {
    std::vector<std::string> clusterCidrs;  ///< at most one of each family
    int nodeMaskV4 = 24;
    int nodeMaskV6 = 64;
    std::vector<std::string> serviceCidrs;  ///< not given to nodes
  };
  /// BadRequest for ranges that make no sense.
  static Result<std::vector<CidrSet>> makeSets(const Options& options);
  NodeIpamController(const Context& context, std::vector<CidrSet> sets);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  void onNode(const client::Change& change);
  void releaseAll(const std::vector<std::string>& cidrs);

  client::Informer& nodes_;
  std::vector<CidrSet> sets_;
  std::map<std::string, std::vector<std::string>> held_;  ///< by node, also those being written
};

}  // namespace coxswain::controllers::nodeipam
