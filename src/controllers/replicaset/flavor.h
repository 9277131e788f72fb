#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "api/gen/apps_v1.h"
#include "client/client.h"

namespace coxswain::controllers::replicaset {

/// A ReplicaSet, or a ReplicationController seen as one. Owner references and events name the
/// original.
struct View {
  std::shared_ptr<const api::apps::v1::ReplicaSet> set;
  api::ConstObject original;

  explicit operator bool() const { return set != nullptr; }
  const api::apps::v1::ReplicaSet* operator->() const { return set.get(); }
  const api::apps::v1::ReplicaSet& operator*() const { return *set; }
};

/// Which of the two kinds a controller keeps.
struct Flavor {
  std::string_view controller;  ///< source of its events
  const client::ResourceType* type;
  /// Empty for an empty object.
  View (*view)(const api::ConstObject& object);
  /// A copy with this status.
  api::Object (*withStatus)(const api::ConstObject& object,
                            const api::apps::v1::ReplicaSetStatus& status);
};

const Flavor& replicaSets();
const Flavor& replicationControllers();

}  // namespace coxswain::controllers::replicaset
