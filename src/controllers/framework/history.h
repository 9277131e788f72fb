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
  /// Others with the same template as `current`. Whoever moves their pods over may delete them.
  std::vector<RevisionPointer> duplicates;
  RevisionPointer current;  ///< of the present template
  int32_t collisions = 0;   ///< what status.collisionCount is now
};

/// Spares looking for the present template's revision again while nothing has changed.
struct HistoryMemo {
  int64_t generation = -1;  ///< of the owner
  std::string revision;     ///< uid
};

/// What makes a history of an owner.
struct HistoryOwner {
  /// What names of revisions end in a hash of: upstream's two kinds differ.
  enum class Hash : uint8_t { Template, Data };
  const client::ResourceType& type;
  const api::meta::v1::ObjectMeta& meta;
  const api::meta::v1::LabelSelector* selector;  ///< null: adopts nothing
  const api::core::v1::PodTemplateSpec& podTemplate;
  std::optional<int32_t> collisionCount;
  Hash hash = Hash::Template;
  std::shared_ptr<HistoryMemo> memo = nullptr;  ///< kept by the caller, one an owner's uid
};

/// The body of a revision: a strategic merge patch that puts the template in place, as `kubectl
/// rollout undo` applies it. Byte for byte what upstream writes, so that a set which comes from
/// another cluster has the revision it had there.
std::string revisionData(const api::core::v1::PodTemplateSpec& podTemplate);
/// The template of a revision. BadRequest where its body has none.
Result<api::core::v1::PodTemplateSpec> templateOf(
    const api::apps::v1::ControllerRevision& revision);

/// Finds the owner's revisions (adopting orphans that its selector matches), and makes the one of
/// the present template where there is none; the newest number is the present one's. `revisions`
/// has the controller index. The members of `owner` live as long as the task.
Task<Result<History>> syncHistory(client::Client& client, const client::Informer& revisions,
                                  HistoryOwner owner, std::stop_token stop);

/// Which revisions count towards the limit: those that no pod is of, or all old ones.
enum class Limit : uint8_t { Unused, Old };
/// Deletes the oldest of those that no pod is of (`live`: names or hashes in use), beyond `limit`.
Task<Status> trimHistory(client::Client& client, const History& history, size_t limit, Limit counts,
                         std::vector<std::string> live, std::stop_token stop);

inline constexpr std::string_view kRevisionLabel = "controller-revision-hash";

}  // namespace coxswain::controllers
