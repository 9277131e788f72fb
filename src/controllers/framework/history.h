#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/informer.h"

namespace coxswain::api::apps::v1 {
struct ControllerRevision;
}
namespace coxswain::api::core::v1 {
struct PodTemplateSpec;
}
namespace coxswain::api::meta::v1 {
struct ObjectMeta;
struct LabelSelector;
}  // namespace coxswain::api::meta::v1

namespace coxswain::controllers {

using RevisionPointer = std::shared_ptr<const api::apps::v1::ControllerRevision>;

/// The templates a DaemonSet or StatefulSet has had, as ControllerRevision objects.
struct History {
  std::vector<RevisionPointer> all;  ///< oldest first, with `current`
  RevisionPointer current;           ///< of the present template
  int32_t collisions = 0;            ///< what status.collisionCount is now
};

/// What makes a history of an owner.
struct HistoryOwner {
  const client::ResourceType& type;
  const api::meta::v1::ObjectMeta& meta;
  const api::meta::v1::LabelSelector* selector;  ///< null: adopts nothing
  const api::core::v1::PodTemplateSpec& podTemplate;
  std::optional<int32_t> collisionCount;
};

/// The body of a revision: a strategic merge patch that puts the template in place, as `kubectl
/// rollout undo` applies it.
std::string revisionData(const api::core::v1::PodTemplateSpec& podTemplate);
/// The template of a revision. BadRequest where its body has none.
Result<api::core::v1::PodTemplateSpec> templateOf(
    const api::apps::v1::ControllerRevision& revision);

/// Finds the owner's revisions (adopting orphans that its selector matches), and makes the one of
/// the present template where there is none; the newest number is the present one's. `revisions`
/// has the controller index. The members of `owner` live as long as the task.
Task<Result<History>> syncHistory(client::Client& client, const client::Informer& revisions,
                                  HistoryOwner owner, std::stop_token stop);

/// Deletes the oldest of those that no pod is of (`live`: names or hashes in use), beyond `limit`.
Task<Status> trimHistory(client::Client& client, const History& history, size_t limit,
                         std::vector<std::string> live, std::stop_token stop);

inline constexpr std::string_view kRevisionLabel = "controller-revision-hash";

}  // namespace coxswain::controllers
