#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "controllers/framework/controller.h"

namespace coxswain::api::core::v1 {
struct Node;
struct Pod;
}  // namespace coxswain::api::core::v1

namespace coxswain::controllers::tainteviction {

/// A pod that is to go.
struct Eviction {
  std::string uid;
  MonotonicTime since{};  ///< when it was first found that it must go
  MonotonicTime at{};
};

/// When the pod must leave the node, given what was decided before. Nothing: it may stay.
std::optional<Eviction> decideEviction(const api::core::v1::Pod& pod,
                                       const api::core::v1::Node& node,
                                       const std::optional<Eviction>& before, MonotonicTime now);

/// Deletes pods that do not tolerate a NoExecute taint of their node, or no longer. Keys are pods.
/// Upstream: pkg/controller/tainteviction.
class TaintEvictionController final : public Controller {
 public:
  explicit TaintEvictionController(const Context& context, int workers = 8);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  void onNode(const client::Change& change);
  void onPod(const client::Change& change);
  Task<Status> evict(std::shared_ptr<const api::core::v1::Pod> pod, std::stop_token stop);

  client::Informer& nodes_;
  client::Informer& pods_;
  std::map<std::string, Eviction> evictions_;
};

}  // namespace coxswain::controllers::tainteviction
