#include "cloud/node/lifecycle_controller.h"

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "api/helpers/scheduling.h"
#include "client/resources.h"
#include "cloud/node/node_controller.h"
#include "controllers/framework/list_patch.h"
#include "runtime/spawn.h"

namespace coxswain::cloud {

using api::core::v1::Node;

namespace {

controllers::Controller::Options controllerOptions() {
  controllers::Controller::Options o;
  o.name = "cloud-node-lifecycle-controller";
  o.workers = 1;
  return o;
}

bool isReady(const Node& node) {
  const auto* ready = api::findNodeCondition(node, "Ready");
  return ready && ready->status == "True";
}

bool isTainted(const Node& node, std::string_view key) {
  return std::any_of(node.spec.taints.begin(), node.spec.taints.end(),
                     [key](const auto& taint) { return taint.key == key; });
}

}  // namespace

LifecycleController::LifecycleController(const controllers::Context& context, Instances& instances,
                                         Duration monitorPeriod)
    : Controller(context, controllerOptions()),
      instances_(instances),
      monitorPeriod_(monitorPeriod),
      nodes_(use<Node>()) {}

Task<void> LifecycleController::background(std::stop_token stop) {
  for (Status slept; slept.ok(); slept = co_await sleepFor(monitorPeriod_, stop)) {
    nodes_.forEach([this](const api::ConstObject& object) {
      const auto& node = *object.as<Node>();
      if (isTainted(node, kUninitializedTaint)) return;
      if (!isReady(node) || isTainted(node, kShutdownTaint)) {
        queue().add(client::objectKey(object));
      }
    });
  }
}

Task<Result<Duration>> LifecycleController::reconcile(std::string key, std::stop_token stop) {
  auto node = nodes_.get<Node>(key);
  if (!node || node->metadata.deletionTimestamp) co_return Duration(0);
  if (isReady(*node)) {
    CO_TRY_STATUS(co_await setShutdown(node, false, stop));
    co_return Duration(0);
  }
  CO_TRY(const bool exists, co_await instances_.exists(node, stop));
  if (exists) {
    CO_TRY(const bool off, co_await instances_.isShutDown(node, stop));
    if (off) CO_TRY_STATUS(co_await setShutdown(node, true, stop));
    co_return Duration(0);
  }
  events().event(*node, client::kEventNormal, "DeletingNode",
                 "Deleting node " + key + " because it does not exist in the cloud provider");
  client::DeleteOptions options;
  options.uid = node->metadata.uid;
  Status removed = co_await client().remove(client::resourceOf<Node>(), "", key, options, stop);
  if (!removed.ok() && !isNotFound(removed)) co_return removed;
  co_return Duration(0);
}

Task<Status> LifecycleController::setShutdown(NodePtr node, bool off, std::stop_token stop) {
  if (isTainted(*node, kShutdownTaint) == off) co_return Status();
  auto taints = node->spec.taints;
  if (off) {
    auto& taint = taints.emplace_back();
    taint.key = kShutdownTaint;
    taint.effect = api::kTaintNoSchedule;
  } else {
    std::erase_if(taints, [](const auto& taint) { return taint.key == kShutdownTaint; });
  }
  const auto& meta = node->metadata;
  auto patched = co_await client().patch(
      client::resourceOf<Node>(), "", meta.name, "", client::PatchType::Merge,
      controllers::listPatch(meta, "spec", "taints", taints), stop);
  co_return isNotFound(patched.status()) ? Status() : patched.status();
}

}  // namespace coxswain::cloud
