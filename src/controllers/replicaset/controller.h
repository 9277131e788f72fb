#pragma once

#include <memory>

#include "controllers/framework/controller.h"
#include "controllers/framework/expectations.h"
#include "controllers/replicaset/decide.h"

namespace coxswain::controllers::replicaset {

/// Keeps as many pods of a ReplicaSet as its spec says.
/// Upstream: pkg/controller/replicaset/replica_set.go.
class ReplicaSetController final : public Controller {
 public:
  explicit ReplicaSetController(const Context& context, int workers = 5);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  using SetPointer = std::shared_ptr<const api::apps::v1::ReplicaSet>;
  struct Pods {
    std::vector<PodPointer> active;
    size_t terminating = 0;
  };

  void onSet(const client::Change& change);
  void onPod(const client::Change& change);
  void enqueueOwnersOf(const api::core::v1::Pod& pod);
  SetPointer controllerOf(const api::core::v1::Pod& pod) const;
  Task<Result<Pods>> claimPods(const SetPointer& set, std::stop_token stop);
  Task<Status> manage(std::string key, SetPointer set, std::vector<PodPointer> active,
                      std::stop_token stop);
  Task<Status> createPods(std::string key, SetPointer set, int count, std::stop_token stop);
  Task<Status> deletePods(std::string key, SetPointer set, std::vector<PodPointer> chosen,
                          std::stop_token stop);
  Task<void> createOne(const std::string& key, const SetPointer& set, Status& outcome,
                       std::stop_token stop);
  Task<void> deleteOne(const std::string& key, const SetPointer& set, PodPointer pod,
                       Status& outcome, std::stop_token stop);
  Task<Status> writeStatus(SetPointer set, const api::apps::v1::ReplicaSetStatus& wanted,
                           std::stop_token stop);
  [[nodiscard]] PodsByNode crowds(const api::apps::v1::ReplicaSet& set) const;

  client::Informer& sets_;
  client::Informer& pods_;
  Expectations expectations_;
};

}  // namespace coxswain::controllers::replicaset
