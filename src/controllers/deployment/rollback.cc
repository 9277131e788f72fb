#include <fmt/format.h>

#include <charconv>

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
  Deployment next = deployment_;
  int64_t revision = 0;
  const auto* text = next.metadata.annotations.get(kRollbackTo);
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), revision);
  const bool toLast = revision == 0;
  if (toLast) revision = lastRevision(all());
  SetPointer target;
  for (const auto& set : all()) {
    if (revision != 0 && revisionOf(*set) == revision) target = set;
  }
  bool performed = false;
  if (!target) {
    world_.events.event(deployment_, kEventWarning, "DeploymentRollbackRevisionNotFound",
                        toLast && revision == 0 ? "Unable to find last revision."
                                                : "Unable to find the revision to rollback to.");
  } else if (sameTemplate(next.spec.template_, target->spec.template_)) {
    world_.events.event(deployment_, kEventWarning, "DeploymentRollbackTemplateUnchanged",
                        fmt::format("The rollback revision contains the same template as current "
                                    "deployment \"{}\"",
                                    next.metadata.name));
  } else {
    next.spec.template_ = target->spec.template_;
    next.spec.template_.metadata.labels.erase(kTemplateHash);
    for (const auto& [key, value] : target->metadata.annotations) {
      if (key == kRevision || key == kRevisionHistory || key == kDesiredReplicas ||
          key == kMaxReplicas || key == "kubectl.kubernetes.io/last-applied-configuration") {
        continue;
      }
      next.metadata.annotations[key] = value;
    }
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
