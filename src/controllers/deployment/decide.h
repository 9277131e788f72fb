#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace coxswain::api {
namespace core::v1 {
struct PodTemplateSpec;
}
namespace apps::v1 {
struct Deployment;
struct DeploymentCondition;
struct DeploymentStatus;
struct ReplicaSet;
}  // namespace apps::v1
}  // namespace coxswain::api

// Decisions of the deployment controller: pure, from objects to numbers and objects.
// Upstream: pkg/controller/deployment/util/deployment_util.go.
namespace coxswain::controllers::deployment {

using api::apps::v1::Deployment;
using api::apps::v1::DeploymentCondition;
using api::apps::v1::DeploymentStatus;
using api::apps::v1::ReplicaSet;
using SetPointer = std::shared_ptr<const ReplicaSet>;
using Sets = std::vector<SetPointer>;

inline constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";
inline constexpr std::string_view kRevisionHistory = "deployment.kubernetes.io/revision-history";
inline constexpr std::string_view kDesiredReplicas = "deployment.kubernetes.io/desired-replicas";
inline constexpr std::string_view kMaxReplicas = "deployment.kubernetes.io/max-replicas";
inline constexpr std::string_view kRollbackTo = "deprecated.deployment.rollback.to";
inline constexpr std::string_view kTemplateHash = "pod-template-hash";

int replicasOf(const Deployment& deployment);
int replicasOf(const ReplicaSet& set);
int specReplicas(const Sets& sets);       ///< sum
int statusReplicas(const Sets& sets);     ///< sum
int availableReplicas(const Sets& sets);  ///< sum

bool isRolling(const Deployment& deployment);
/// Pods above the wanted number; 0 when not rolling.
int maxSurge(const Deployment& deployment);
/// Pods that may be missing; 0 when not rolling.
int maxUnavailable(const Deployment& deployment);
bool hasProgressDeadline(const Deployment& deployment);

bool sameTemplate(const api::core::v1::PodTemplateSpec& a, const api::core::v1::PodTemplateSpec& b);
/// The oldest set with the deployment's template; null: none.
SetPointer findNew(const Deployment& deployment, Sets sets);
Sets withSpecReplicas(const Sets& sets);  ///< active ones
void sortOldestFirst(Sets& sets);
int64_t revisionOf(const ReplicaSet& set);  ///< 0: none
int64_t maxRevision(const Sets& sets);
/// The second highest; 0: none.
int64_t lastRevision(const Sets& sets);

/// The set to create: name, labels, selector, template and hash; no annotations; 0 replicas.
ReplicaSet newSet(const Deployment& deployment);
/// How many replicas the new set may have now.
int newSetReplicas(const Deployment& deployment, int allReplicas, int newReplicas);
/// True: something changed. `exists`: the set is there already.
bool setNewSetAnnotations(const Deployment& deployment, ReplicaSet& set, int64_t revision,
                          bool exists);
/// The set that is there lacks annotations, the revision or the minReadySeconds it should have.
bool newSetIsBehind(const Deployment& deployment, const ReplicaSet& set, int64_t revision);
/// What annotation kRollbackTo asks for (0: the revision before); nothing: no number.
std::optional<int64_t> rollbackRevision(const Deployment& deployment);
/// The deployment's own annotations become those that the set was made with.
void restoreAnnotations(const ReplicaSet& set, Deployment& deployment);
bool setReplicasAnnotations(ReplicaSet& set, int desired, int most);
bool replicasAnnotationsDiffer(const ReplicaSet& set, int desired, int most);

struct Scaling {
  SetPointer set;
  int replicas = 0;
};
/// The deployment was scaled since its sets were last sized.
bool isScalingEvent(const Deployment& deployment, const Sets& sets);
/// Sizes after that, spread in proportion. `fresh` may be null.
std::vector<Scaling> proportionalScale(const Deployment& deployment, const SetPointer& fresh,
                                       const Sets& old);
/// How old sets shrink in a rolling update so that enough pods stay available: unhealthy ones
/// first, then the oldest.
std::vector<Scaling> shrinkOld(const Deployment& deployment, const SetPointer& fresh,
                               const Sets& old);
/// Old sets beyond the history limit that have nothing left.
Sets setsToClean(const Deployment& deployment, const Sets& old);

// Status.
DeploymentStatus computeStatus(const Deployment& deployment, const Sets& all,
                               const SetPointer& fresh, WallTime now);
/// The same with the Progressing and ReplicaFailure conditions of a roll-out.
DeploymentStatus computeRolloutStatus(const Deployment& deployment, const Sets& all,
                                      const SetPointer& fresh, WallTime now);
bool isComplete(const Deployment& deployment, const DeploymentStatus& status);
bool isTimedOut(const Deployment& deployment, const DeploymentStatus& status, WallTime now);
/// When a roll-out that stands still must be looked at again; zero: not.
Duration untilTimeout(const Deployment& deployment, const DeploymentStatus& status, WallTime now);

const DeploymentCondition* findCondition(const DeploymentStatus& status, std::string_view type);
DeploymentCondition makeCondition(std::string_view type, std::string_view status,
                                  std::string_view reason, std::string message, WallTime now);
/// No effect where status and reason are as they were.
void setCondition(DeploymentStatus& status, DeploymentCondition condition);
void removeCondition(DeploymentStatus& status, std::string_view type);

}  // namespace coxswain::controllers::deployment
