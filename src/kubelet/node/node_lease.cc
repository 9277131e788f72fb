#include "api/gen/coordination_v1.h"
#include "base/log.h"
#include "client/resources.h"
#include "kubelet/node/node_manager.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::coordination::v1::Lease;

const Logger log("kubelet");
constexpr const char* kNamespace = "kube-node-lease";

}  // namespace

/// Every quarter of its duration; failures are tried again sooner, at most 7 s later.
Task<void> NodeManager::runLease(NodeManager& self, Gate::Pass pass, std::stop_token stop) {
  Duration period = std::chrono::seconds(self.options_.nodeLeaseDurationSeconds) / 4;
  Duration retry = 200ms;
  while (!stop.stop_requested()) {
    Status renewed = co_await self.renewLease(stop);
    if (stop.stop_requested()) co_return;
    if (renewed.ok()) {
      retry = 200ms;
    } else {
      log.warn("renewing the node's lease failed", {{"error", renewed}});
      retry = std::min<Duration>(retry * 2, 7s);
    }
    Status slept = co_await sleepFor(renewed.ok() ? period : std::min(retry, period), stop);
    if (!slept.ok()) co_return;
  }
}

Task<Status> NodeManager::renewLease(std::stop_token stop) {
  const auto& type = client::resourceOf<Lease>();
  auto now = api::MicroTime(deps_.executor.wallNow());
  if (!lease_) {
    auto found = co_await deps_.client.get(type, kNamespace, options_.nodeName, stop);
    if (found.ok()) {
      lease_ = *found;
    } else if (!isNotFound(found.status())) {
      co_return found.status();
    }
  }
  Lease lease;
  bool isNew = !lease_;
  if (!isNew) lease = *lease_.as<Lease>();
  lease.metadata.name = options_.nodeName;
  lease.metadata.namespace_ = kNamespace;
  auto& spec = lease.spec;
  spec.holderIdentity = options_.nodeName;
  spec.leaseDurationSeconds = options_.nodeLeaseDurationSeconds;
  spec.renewTime = now;
  // Goes with its node.
  if (lease.metadata.ownerReferences.empty() && registered_ && !node_.metadata.uid.empty()) {
    auto& owner = lease.metadata.ownerReferences.emplace_back();
    owner.apiVersion = "v1";
    owner.kind = "Node";
    owner.name = node_.metadata.name;
    owner.uid = node_.metadata.uid;
  }
  api::ConstObject object{api::Object(std::move(lease))};
  auto written = isNew ? co_await deps_.client.create(type, kNamespace, "", "", object, stop)
                       : co_await deps_.client.update(type, "", object, stop);
  // Whatever went wrong, look at it anew.
  lease_ = written.ok() ? *written : api::ConstObject();
  co_return written.ok() ? Status() : written.status();
}

}  // namespace coxswain::kubelet
