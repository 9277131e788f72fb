#pragma once

#include <memory>

#include "controllers/framework/controller.h"
#include "controllers/framework/expectations.h"
#include "controllers/replicaset/decide.h"
#include "controllers/replicaset/flavor.h"

namespace coxswain::controllers::replicaset {

/// Keeps as many pods of a ReplicaSet (or ReplicationController, by its flavor) as its spec says.
/// Upstream: pkg/controller/replicaset/replica_set.go, pkg/controller/replication.
class ReplicaSetController final : public Controller {
 public:
  explicit ReplicaSetController(const Context& context, int workers = 5)
      : ReplicaSetController(context, replicaSets(), workers) {}
  ReplicaSetController(const Context& context, const Flavor& flavor, int workers);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  /// What this controller has deleted is terminating, whether the cache shows it or not: else a
  /// status would tell of pods that are no more, and a deployment would rely on them.
  struct Pods {
    std::vector<PodPointer> active;
    size_t terminating = 0;
  };

  void onSet(const client::Change& change);
  void onPod(const client::Change& change);
  /// A set of many pods is looked at once for many of their changes.
  void addSoon(const View& set);
  void enqueueOwnersOf(const api::core::v1::Pod& pod);
  View controllerOf(const api::core::v1::Pod& pod) const;
  Task<Result<Pods>> claimPods(const std::string& key, const View& set, std::stop_token stop);
  /// Moves what it deletes from active to terminating.
  Task<Status> manage(std::string key, View set, Pods& pods, std::stop_token stop);
  Task<Status> createPods(std::string key, View set, int count, std::stop_token stop);
  Task<Status> deletePods(std::string key, View set, Pods& pods, size_t count,
                          std::stop_token stop);
  Task<void> createOne(const std::string& key, const View& set, Status& outcome,
                       std::stop_token stop);
  Task<void> deleteOne(const std::string& key, const View& set, PodPointer pod, Status& outcome,
                       std::stop_token stop);
  /// After a deletion without an answer: whether the pod is there as before, or nobody can tell.
  Task<bool> stays(PodPointer pod, std::stop_token stop);
  Task<Status> writeStatus(View set, const api::apps::v1::ReplicaSetStatus& wanted,
                           std::stop_token stop);
  [[nodiscard]] PodsByNode crowds(const api::apps::v1::ReplicaSet& set) const;

  [[nodiscard]] const api::MessageInfo& kind() const { return *flavor_.type->kind; }

  const Flavor& flavor_;
  client::Informer& sets_;
  client::Informer& pods_;
  Expectations expectations_;
};

}  // namespace coxswain::controllers::replicaset
