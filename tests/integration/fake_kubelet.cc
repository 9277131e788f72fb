#include "fake_kubelet.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "client/resources.h"

namespace coxswain::integration {

using api::core::v1::Pod;

static controllers::Controller::Options options() {
  controllers::Controller::Options o;
  o.name = "fake-kubelet";
  o.workers = 8;
  return o;
}

FakeKubelet::FakeKubelet(const controllers::Context& context)
    : Controller(context, options()), pods_(use<Pod>()) {
  pods_.addHandler([this](const client::Change& change) {
    if (change.after && !change.after.as<Pod>()->spec.nodeName.empty()) {
      queue().add(client::objectKey(change.after));
    }
  });
}

Task<Result<Duration>> FakeKubelet::reconcile(std::string key, std::stop_token stop) {
  auto pod = pods_.get<Pod>(key);
  if (!pod) co_return Duration(0);
  if (pod->metadata.deletionTimestamp) {
    client::DeleteOptions now;
    now.gracePeriodSeconds = 0;
    now.uid = pod->metadata.uid;
    Status gone = co_await client().remove(client::resourceOf<Pod>(), pod->metadata.namespace_,
                                           pod->metadata.name, now, stop);
    if (!gone.ok() && !isNotFound(gone)) co_return gone;
    co_return Duration(0);
  }
  if (pod->status.phase == "Running" || api::isPodTerminal(*pod)) co_return Duration(0);
  Pod next = *pod;
  next.status.phase = "Running";
  next.status.startTime = api::Time(now());
  next.status.podIP = "10.88.0." + std::to_string(1 + addresses_++ % 250);
  next.status.podIPs.resize(1);
  next.status.podIPs[0].ip = next.status.podIP;
  for (const char* type : {"Initialized", "ContainersReady", "Ready"}) {
    api::core::v1::PodCondition condition;
    condition.type = type;
    condition.status = "True";
    condition.lastTransitionTime = api::Time(now());
    api::setPodCondition(next.status, condition);
  }
  auto written = co_await client::update(client(), std::move(next), "status", stop);
  if (!written.ok() && !isNotFound(written.status())) co_return written.status();
  co_return Duration(0);
}

}  // namespace coxswain::integration
