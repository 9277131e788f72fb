#include "kubelet/mirror_pods.h"

#include "api/gen/core_v1.h"
#include "api/helpers/objects.h"
#include "base/log.h"
#include "client/resources.h"
#include "kubelet/pod_workers.h"
#include "kubelet/static_pods/file_source.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Pod;

const Logger log("kubelet");

client::WorkQueue::Options queueOptions() {
  client::WorkQueue::Options options;
  options.baseDelay = 200ms;
  options.maxDelay = 30s;
  options.perSecond = 0;
  return options;
}

std::string annotation(const Pod& pod, std::string_view key) {
  const auto* value = pod.metadata.annotations.get(key);
  return value ? *value : std::string();
}

}  // namespace

MirrorPods::MirrorPods(client::Client& client, Executor& executor, Handlers handlers)
    : client_(client),
      executor_(executor),
      handlers_(std::move(handlers)),
      queue_(executor, queueOptions()) {}

MirrorPods::~MirrorPods() = default;

void MirrorPods::start() {
  spawn(executor_, drain(*this, gate_.enter(), stop_.get_token()));
}

Task<void> MirrorPods::stop() {
  stop_.request_stop();
  queue_.shutDown();
  co_await gate_.close();
}

void MirrorPods::setStatic(PodPointer pod) {
  auto name = api::objectKey(pod->metadata);
  statics_[name] = std::move(pod);
  queue_.add(name);
}

void MirrorPods::removeStatic(const std::string& name) {
  statics_.erase(name);
  queue_.add(name);
}

Task<void> MirrorPods::drain(MirrorPods& self, Gate::Pass pass, std::stop_token stop) {
  while (true) {
    auto name = co_await self.queue_.get(stop);
    if (!name) co_return;
    Status done = co_await self.reconcile(*name, stop);
    if (done.ok()) {
      self.queue_.forget(*name);
    } else if (!stop.stop_requested()) {
      log.warn("keeping a mirror pod failed", {{"pod", *name}, {"error", done}});
      self.queue_.addRateLimited(*name);
    }
    self.queue_.done(*name);
  }
}

Task<Status> MirrorPods::reconcile(std::string name, std::stop_token stop) {
  auto mirror = handlers_.apiPod(name);
  if (mirror && !isMirrorPod(*mirror)) co_return Status();  // a pod of its own
  auto wanted = statics_.find(name);
  if (wanted == statics_.end()) {
    if (mirror) co_return co_await removeMirror(mirror, stop);
    co_return Status();
  }
  auto pod = wanted->second;
  auto hash = annotation(*pod, kConfigHashAnnotation);
  bool stale = mirror && (mirror->metadata.deletionTimestamp ||
                          annotation(*mirror, kConfigMirrorAnnotation) != hash);
  if (stale) CO_TRY_STATUS(co_await removeMirror(mirror, stop));
  if (mirror && !stale) co_return Status();
  co_return co_await createMirror(std::move(pod), stop);
}

Task<Status> MirrorPods::removeMirror(PodPointer mirror, std::stop_token stop) {
  client::DeleteOptions options;
  options.gracePeriodSeconds = 0;
  options.uid = mirror->metadata.uid;
  Status removed = co_await client_.remove(client::resourceOf<Pod>(), mirror->metadata.namespace_,
                                           mirror->metadata.name, std::move(options), stop);
  co_return isNotFound(removed) || isConflict(removed) ? Status() : removed;
}

Task<Status> MirrorPods::createMirror(PodPointer pod, std::stop_token stop) {
  const auto& node = handlers_.node();
  // The API server takes mirrors of nodes it knows.
  if (node.metadata.uid.empty()) co_return serviceUnavailable("the node is not registered yet");
  Pod copy = *pod;
  copy.metadata.uid.clear();
  copy.metadata.resourceVersion.clear();
  copy.metadata.annotations[kConfigMirrorAnnotation] = annotation(*pod, kConfigHashAnnotation);
  auto& owner = copy.metadata.ownerReferences.emplace_back();
  owner.apiVersion = "v1";
  owner.kind = "Node";
  owner.name = node.metadata.name;
  owner.uid = node.metadata.uid;
  owner.controller = true;
  auto created = co_await client_.create(client::resourceOf<Pod>(), pod->metadata.namespace_, "",
                                         "", api::ConstObject(api::Object(std::move(copy))), stop);
  if (!created.ok() && !isAlreadyExists(created.status())) co_return created.status();
  co_return Status();
}

}  // namespace coxswain::kubelet
