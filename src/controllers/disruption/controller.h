#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/select/labels.h"
#include "controllers/disruption/decide.h"
#include "controllers/framework/controller.h"

namespace coxswain::controllers::disruption {

/// Keeps the status of PodDisruptionBudgets, by which evictions are allowed; and takes condition
/// DisruptionTarget from pods that were to be disrupted and still live two minutes later. Keys are
/// "b|budget" and "p|pod".
/// Upstream: pkg/controller/disruption/disruption.go.
class DisruptionController final : public Controller {
 public:
  explicit DisruptionController(const Context& context);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using BudgetPointer = std::shared_ptr<const api::policy::v1::PodDisruptionBudget>;

  void onPod(const client::Change& change);
  void onBudget(const client::Change& change);
  void enqueueBudgetsOf(const std::string& ns);
  /// Names of those that select the pod.
  [[nodiscard]] std::vector<std::string> budgetsFor(const api::core::v1::Pod& pod) const;
  [[nodiscard]] std::vector<PodPointer> podsOf(
      const api::policy::v1::PodDisruptionBudget& budget) const;
  /// Replicas that the pods' owners want together; pods of nobody are in `unmanaged`.
  [[nodiscard]] Result<int32_t> scaleOf(const std::vector<PodPointer>& pods,
                                        std::vector<std::string>& unmanaged) const;
  /// A controller of pods: its own uid and size, or its deployment's.
  struct Owner {
    std::string uid;
    int32_t replicas = 0;
  };
  /// Nothing: it is gone. BadRequest: a kind that has no size.
  [[nodiscard]] Result<std::optional<Owner>> ownerOf(const api::core::v1::Pod& pod) const;
  Task<Result<Duration>> syncBudget(BudgetPointer budget, std::stop_token stop);
  Task<Result<Duration>> syncPod(PodPointer pod, std::stop_token stop);

  client::Informer& budgets_;
  client::Informer& pods_;
  client::Informer& replicaSets_;
  client::Informer& deployments_;
  client::Informer& statefulSets_;
  client::Informer& replicationControllers_;
  std::map<std::string, api::LabelSelector> selectors_;  ///< by budget; those that make sense
};

}  // namespace coxswain::controllers::disruption
