#include "controllers/endpoints/controller.h"

#include <fmt/format.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "api/reflect/equal.h"
#include "client/resources.h"
#include "controllers/endpoints/decide.h"
#include "controllers/framework/indices.h"
#include "controllers/framework/pod_control.h"
#include "controllers/framework/services.h"

namespace coxswain::controllers::endpoints {

using api::core::v1::Endpoints;
using api::core::v1::Pod;
using api::core::v1::Service;

static Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "endpoint-controller";
  o.workers = workers;
  o.retriesMax = 15;
  o.queue.baseDelay = 1s;
  return o;
}

EndpointsController::EndpointsController(const Context& context, int workers, Duration batchPeriod)
    : Controller(context, options(workers)),
      services_(use<Service>()),
      pods_(use<Pod>()),
      endpoints_(use<Endpoints>()),
      batchPeriod_(batchPeriod) {
  addSelectorIndex(services_);
  addLabelIndex(pods_);
  services_.addHandler([this](const client::Change& change) {
    const auto key = client::objectKey(change.after ? change.after : change.before);
    if (!change.after) gone_.insert(key);
    queue().add(key);
  });
  pods_.addHandler([this](const client::Change& change) { onPod(change); });
  endpoints_.addHandler([this](const client::Change& change) {
    queue().add(client::objectKey(change.after ? change.after : change.before));
  });
}

void EndpointsController::onPod(const client::Change& change) {
  const auto* before = change.before.as<Pod>();
  const auto* after = change.after.as<Pod>();
  if (before != nullptr && after != nullptr && !endpointslice::endpointChanged(*before, *after)) {
    return;
  }
  for (const auto& key : servicesOfPod(services_, before, after)) {
    if (batchPeriod_ > Duration(0)) {
      queue().addAfter(key, batchPeriod_);
    } else {
      queue().add(key);
    }
  }
}

Task<Status> EndpointsController::removeEndpoints(std::string key, bool gone,
                                                  std::stop_token stop) {
  auto current = endpoints_.get<Endpoints>(key);
  if (!current) co_return Status();
  // Without having seen a service go: only what this controller made. Others may have Endpoints
  // before their service, or without one.
  const auto& meta = current->metadata;
  if (!gone && !meta.labels.contains("endpoints.kubernetes.io/managed-by")) co_return Status();
  if (meta.annotations.contains("control-plane.alpha.kubernetes.io/leader")) co_return Status();
  client::DeleteOptions options;
  options.uid = current->metadata.uid;
  Status removed = co_await client().remove(client::resourceOf<Endpoints>(), meta.namespace_,
                                            meta.name, std::move(options), stop);
  co_return isNotFound(removed) ? Status() : removed;
}

Task<Result<Duration>> EndpointsController::reconcile(std::string key, std::stop_token stop) {
  auto service = services_.get<Service>(key);
  if (!service) {
    CO_TRY_STATUS(co_await removeEndpoints(key, gone_.contains(key), stop));
    gone_.erase(key);
    triggers_.forget(key);
    co_return Duration(0);
  }
  gone_.erase(key);
  if (service->spec.type == "ExternalName" || service->spec.selector.empty()) co_return Duration(0);
  if (service->metadata.deletionTimestamp) co_return Duration(0);
  auto current = endpoints_.get<Endpoints>(key);
  const auto pods = podsOfService(pods_, *service);
  const auto trigger = triggers_.changed(key, *service, pods);
  Endpoints wanted = endpointsFor(*service, pods, current.get());
  if (current && api::semanticEqual(wanted, *current)) co_return Duration(0);
  endpointslice::annotateTriggerTime(wanted.metadata.annotations, trigger);
  const bool fresh = wanted.metadata.resourceVersion.empty();
  Result<std::shared_ptr<const Endpoints>> written = Status(canceled());
  if (fresh) {
    written = co_await client::create(client(), std::move(wanted), stop);
  } else {
    written = co_await client::update(client(), std::move(wanted), "", stop);
  }
  if (written.ok() || isNamespaceTerminating(written.status())) co_return Duration(0);
  const Status failure = written.status();
  if (fresh && isForbidden(failure)) {
    events().event(
        *service, client::kEventWarning, "FailedToCreateEndpoint",
        fmt::format("Failed to create endpoint for service {}: {}", key, failure.message()));
  } else if (!fresh && !isConflict(failure)) {
    events().event(*service, client::kEventWarning, "FailedToUpdateEndpoint",
                   fmt::format("Failed to update endpoint {}: {}", key, failure.message()));
  }
  co_return failure;
}

}  // namespace coxswain::controllers::endpoints
