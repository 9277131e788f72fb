#pragma once

#include "api/select/labels.h"
#include "client/informers.h"

namespace coxswain::api::core::v1 {
struct Pod;
}

namespace coxswain::scheduler {

/// Which pods belong together, where they do not say so: those of the same services and of the same
/// ReplicationController, ReplicaSet or StatefulSet. Shared by all profiles; made before the
/// informers start, which outlive it. One executor.
class OwnerSelectors {
 public:
  explicit OwnerSelectors(client::Informers& informers);
  /// Selects all (isEverything) where the pod belongs to none.
  [[nodiscard]] api::LabelSelector selectorOf(const api::core::v1::Pod& pod) const;
  [[nodiscard]] std::vector<client::Informer*> used() const {
    return {&services_, &replicationControllers_, &replicaSets_, &statefulSets_};
  }

 private:
  client::Informer& services_;
  client::Informer& replicationControllers_;
  client::Informer& replicaSets_;
  client::Informer& statefulSets_;
};

}  // namespace coxswain::scheduler
