#include "cloud/service/service_controller.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "client/resources.h"
#include "controllers/framework/finalizers.h"

namespace coxswain::cloud {

using api::core::v1::LoadBalancerStatus;
using api::core::v1::Node;
using api::core::v1::Service;

namespace {

constexpr std::string_view kExcludeLabel =
    "node.kubernetes.io/exclude-from-external-load-balancers";
constexpr std::string_view kToBeDeletedTaint = "ToBeDeletedByClusterAutoscaler";

controllers::Controller::Options controllerOptions(int workers) {
  controllers::Controller::Options o;
  o.name = "service-controller";
  o.workers = workers;
  o.queue.baseDelay = 5s;
  o.queue.maxDelay = 300s;
  return o;
}

/// What the cloud is told of a Service.
bool sameWish(const Service& a, const Service& b) {
  return a.metadata.uid == b.metadata.uid && a.spec == b.spec &&
         a.metadata.annotations == b.metadata.annotations;
}

std::vector<std::string> namesOf(const std::vector<NodePtr>& nodes) {
  std::vector<std::string> names;
  for (const auto& node : nodes) names.push_back(node->metadata.name);
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text = "[";
  for (const auto& name : names) text += (text.size() == 1 ? "" : " ") + name;
  return text + "]";
}

/// A cloud that throttles says when to come again; else the queue decides.
Result<Duration> later(const Status& failure) {
  if (failure.details() && failure.details()->retryAfterSeconds > 0) {
    return Duration(std::chrono::seconds(failure.details()->retryAfterSeconds));
  }
  return failure;
}

}  // namespace

bool wantsLoadBalancer(const Service& service) {
  return service.spec.type == "LoadBalancer" && !service.spec.loadBalancerClass &&
         !service.metadata.deletionTimestamp;
}

bool needsCleanup(const Service& service) {
  const auto& meta = service.metadata;
  if (!api::hasFinalizer(meta, kCleanupFinalizer)) return false;
  return meta.deletionTimestamp.has_value() || service.spec.type != "LoadBalancer";
}

bool isBackend(const Node& node) {
  const auto& taints = node.spec.taints;
  return !node.metadata.deletionTimestamp && !node.metadata.labels.get(kExcludeLabel) &&
         std::none_of(taints.begin(), taints.end(),
                      [](const auto& taint) { return taint.key == kToBeDeletedTaint; });
}

ServiceController::ServiceController(const controllers::Context& context, LoadBalancers& balancers,
                                     int workers)
    : Controller(context, controllerOptions(workers)),
      balancers_(balancers),
      services_(use<Service>()),
      nodes_(use<Node>()) {
  services_.addHandler([this](const client::Change& change) {
    const auto* after = change.after.as<Service>();
    if (!after) {
      given_.erase(client::objectKey(change.before));
    } else if (wantsLoadBalancer(*after) || needsCleanup(*after)) {
      queue().add(client::objectKey(change.after));
    }
  });
  nodes_.addHandler([this](const client::Change& change) { onNode(change); });
}

void ServiceController::onNode(const client::Change& change) {
  const auto* before = change.before.as<Node>();
  const auto* after = change.after.as<Node>();
  const bool was = before && isBackend(*before);
  const bool is = after && isBackend(*after);
  const bool moved = was && is &&
                     (before->spec.providerID != after->spec.providerID ||
                      before->status.addresses != after->status.addresses);
  if (was == is && !moved) return;
  services_.forEach([this, moved](const api::ConstObject& object) {
    if (!wantsLoadBalancer(*object.as<Service>())) return;
    const auto key = client::objectKey(object);
    if (moved) given_.erase(key);  // other addresses behind the same names
    queue().add(key);
  });
}

std::vector<NodePtr> ServiceController::backends() const {
  std::vector<NodePtr> all;
  nodes_.forEach([&all](const api::ConstObject& object) {
    if (isBackend(*object.as<Node>())) all.push_back(object.sharedAs<Node>());
  });
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a->metadata.name < b->metadata.name; });
  return all;
}

void ServiceController::tell(const Service& service, std::string_view type, std::string_view reason,
                             std::string message) {
  events().event(service, type, reason, std::move(message));
}

Task<Result<Duration>> ServiceController::reconcile(std::string key, std::stop_token stop) {
  auto service = services_.get<Service>(key);
  if (!service) co_return Duration(0);
  const bool wanted = wantsLoadBalancer(*service);
  if (!wanted && !needsCleanup(*service)) co_return Duration(0);
  auto done = wanted ? co_await ensure(service, stop) : co_await tearDown(service, stop);
  if (done.ok() || isCanceled(done.status()) || isConflict(done.status())) co_return done;
  tell(*service, client::kEventWarning, "SyncLoadBalancerFailed",
       "Error syncing load balancer: " + done.status().message());
  co_return later(done.status());
}

Task<Result<Duration>> ServiceController::ensure(ServicePtr service, std::stop_token stop) {
  const auto key = api::objectKey(service->metadata);
  auto nodes = backends();
  auto names = namesOf(nodes);
  auto given = given_.find(key);
  if (given != given_.end() && sameWish(*given->second.service, *service)) {
    if (given->second.nodes == names) co_return Duration(0);
    Status updated = co_await update(service, std::move(nodes), stop);
    if (!updated.ok()) co_return later(updated);
    given_.insert_or_assign(key, Given{service, std::move(names)});
    co_return Duration(0);
  }
  // The cache may be behind: of a Service that is gone, or has lost its finalizer since, nobody
  // would take away what is made now.
  auto current = co_await client::get<Service>(client(), service->metadata.namespace_,
                                               service->metadata.name, stop);
  if (isNotFound(current.status())) co_return Duration(0);
  if (!current.ok()) co_return current.status();
  // Its event is to come.
  const bool stale = (*current)->metadata.uid != service->metadata.uid;
  if (stale || !wantsLoadBalancer(**current)) co_return Duration(0);
  service = *current;
  // The finalizer first, for the same reason.
  Status held = co_await setFinalizer(service, true, stop);
  if (isNotFound(held)) co_return Duration(0);
  CO_TRY_STATUS(std::move(held));
  tell(*service, client::kEventNormal, "EnsuringLoadBalancer", "Ensuring load balancer");
  if (nodes.empty()) {
    tell(*service, client::kEventWarning, "UnAvailableLoadBalancer",
         "There are no available nodes for LoadBalancer");
  }
  auto made = co_await balancers_.ensure(service, std::move(nodes), stop);
  if (!made.ok()) {
    // One that can never be answers at no address, whatever it was before.
    if (made.status().reason() == Reason::BadRequest) {
      given_.erase(key);
      CO_TRY_STATUS(co_await setStatus(service, {}, stop));
    }
    co_return made.status().withContext("failed to ensure load balancer");
  }
  CO_TRY_STATUS(co_await setStatus(service, std::move(*made), stop));
  given_.insert_or_assign(key, Given{service, std::move(names)});
  tell(*service, client::kEventNormal, "EnsuredLoadBalancer", "Ensured load balancer");
  co_return Duration(0);
}

Task<Status> ServiceController::update(ServicePtr service, std::vector<NodePtr> nodes,
                                       std::stop_token stop) {
  const auto names = namesOf(nodes);
  if (nodes.empty()) {
    tell(*service, client::kEventWarning, "UnAvailableLoadBalancer",
         "There are no available nodes for LoadBalancer");
  }
  auto updated = co_await balancers_.update(service, std::move(nodes), stop);
  if (updated.ok()) {
    if (*updated) CO_TRY_STATUS(co_await setStatus(service, std::move(**updated), stop));
    tell(*service, client::kEventNormal, "UpdatedLoadBalancer",
         "Updated load balancer with new hosts");
  } else if (!isCanceled(updated.status())) {
    tell(*service, client::kEventWarning, "UpdateLoadBalancerFailed",
         "Error updating load balancer with new hosts " + listed(names) + ": " +
             updated.status().message());
  }
  co_return updated.status();
}

Task<Result<Duration>> ServiceController::tearDown(ServicePtr service, std::stop_token stop) {
  const auto key = api::objectKey(service->metadata);
  given_.erase(key);
  auto found = co_await balancers_.find(service, stop);
  if (!found.ok()) co_return found.status().withContext("failed to check if load balancer exists");
  if (*found) {
    tell(*service, client::kEventNormal, "DeletingLoadBalancer", "Deleting load balancer");
    Status removed = co_await balancers_.remove(service, stop);
    if (!removed.ok()) {
      tell(*service, client::kEventWarning, "DeleteLoadBalancerFailed",
           "Error deleting load balancer: " + removed.message());
      co_return removed.withContext("failed to delete load balancer");
    }
    tell(*service, client::kEventNormal, "DeletedLoadBalancer", "Deleted load balancer");
  }
  // A Service that only changed its type stays.
  if (!service->metadata.deletionTimestamp) CO_TRY_STATUS(co_await setStatus(service, {}, stop));
  CO_TRY(auto current, co_await client::get<Service>(client(), service->metadata.namespace_,
                                                     service->metadata.name, stop));
  if (current->metadata.uid != service->metadata.uid) co_return Duration(0);
  Status freed = co_await setFinalizer(std::move(current), false, stop);
  if (!freed.ok() && !isNotFound(freed)) co_return freed;
  co_return Duration(0);
}

Task<Status> ServiceController::setFinalizer(ServicePtr service, bool present,
                                             std::stop_token stop) {
  const auto& meta = service->metadata;
  if (api::hasFinalizer(meta, kCleanupFinalizer) == present) co_return Status();
  auto finalizers = meta.finalizers;
  std::erase(finalizers, kCleanupFinalizer);
  if (present) finalizers.emplace_back(kCleanupFinalizer);
  auto patched = co_await client().patch(client::resourceOf<Service>(), meta.namespace_, meta.name,
                                         "status", client::PatchType::Merge,
                                         controllers::finalizersPatch(meta, finalizers), stop);
  co_return patched.status();
}

Task<Status> ServiceController::setStatus(ServicePtr service, LoadBalancerStatus status,
                                          std::stop_token stop) {
  CO_TRY(auto current, co_await client::get<Service>(client(), service->metadata.namespace_,
                                                     service->metadata.name, stop));
  if (current->metadata.uid != service->metadata.uid) co_return Status();
  if (current->status.loadBalancer == status) co_return Status();
  Service next = *current;
  next.status.loadBalancer = std::move(status);
  auto updated = co_await client::update<Service>(client(), std::move(next), "status", stop);
  co_return updated.status();
}

}  // namespace coxswain::cloud
