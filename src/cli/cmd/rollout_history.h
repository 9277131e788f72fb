#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "cli/framework/session.h"
#include "cli/resources/builder.h"
#include "cli/resources/json.h"
#include "cli/resources/object_client.h"

namespace coxswain::cli {

/// One of the templates that a Deployment, DaemonSet or StatefulSet has had.
struct Revision {
  json::value podTemplate;
  std::string cause;   ///< annotation kubernetes.io/change-cause
  json::value object;  ///< what `rollout history -o` shows
  /// Deployments: the ReplicaSet's annotations. Others: the patch that puts the template in place.
  json::value annotations;
  json::value patch;
};
using Revisions = std::map<int64_t, Revision>;

/// It is a Deployment, DaemonSet or StatefulSet.
bool hasRevisions(const Info& info);
/// "CronJob.batch"
std::string kindAndGroup(const Info& info);

/// By number. Fault for kinds without history.
Task<Result<Revisions>> revisionsOf(Session& session, ObjectClient& client, const Info& info);

}  // namespace coxswain::cli
