#include <fmt/format.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "controllers/deployment/rollout.h"
#include "runtime/executor.h"

namespace coxswain::controllers::deployment {

using client::kEventNormal;
using client::kEventWarning;

/// The annotation that the extensions/v1beta1 API left behind.
Task<Status> Rollout::rollback(std::stop_token stop) {
  CO_TRY_STATUS(co_await syncRevision(Create::Yes, stop));
  Deployment next = *deployment_;
  int64_t revision = rollbackRevision(next).value_or(0);
  const bool toLast = revision == 0;
  if (toLast) revision = lastRevision(all());
  SetPointer target;
  for (const auto& set : all()) {
    if (revision != 0 && revisionOf(*set) == revision) target = set;
  }
  bool performed = false;
  if (!target) {
    world_.events.event(*deployment_, kEventWarning, "DeploymentRollbackRevisionNotFound",
                        toLast && revision == 0 ? "Unable to find last revision."
                                                : "Unable to find the revision to rollback to.");
  } else if (sameTemplate(next.spec.template_, target->spec.template_)) {
    world_.events.event(*deployment_, kEventWarning, "DeploymentRollbackTemplateUnchanged",
                        fmt::format("The rollback revision contains the same template as current "
                                    "deployment \"{}\"",
                                    next.metadata.name));
  } else {
    next.spec.template_ = target->spec.template_;
    next.spec.template_.metadata.labels.erase(kTemplateHash);
    restoreAnnotations(*target, next);
    performed = true;
  }
  next.metadata.annotations.erase(kRollbackTo);
  CO_TRY(auto written, co_await client::update(world_.client, next, "", stop));
  if (performed) {
    world_.events.event(
        *written, kEventNormal, "DeploymentRollback",
        fmt::format("Rolled back deployment \"{}\" to revision {}", next.metadata.name, revision));
  }
  co_return Status();
}

}  // namespace coxswain::controllers::deployment
