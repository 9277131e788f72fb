#include "kubelet/status/status_manager.h"

#include <boost/json.hpp>
#include <charconv>

#include "api/codec/value.h"
#include "api/helpers/pods.h"
#include "api/patch/strategic.h"
#include "base/log.h"
#include "client/resources.h"
#include "kubelet/status/conditions.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Pod;
using api::core::v1::PodStatus;

const Logger log("kubelet");
constexpr int kWriters = 4;

client::WorkQueue::Options queueOptions() {
  client::WorkQueue::Options options;
  options.baseDelay = 100ms;
  options.maxDelay = 30s;
  options.perSecond = 0;
  return options;
}

uint64_t versionOf(const Pod& pod) {
  const auto& text = pod.metadata.resourceVersion;
  uint64_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

/// What others wrote into the object stays as they wrote it.
PodStatus merged(const PodStatus& ours, const PodStatus& theirs) {
  PodStatus out = ours;
  std::erase_if(out.conditions, [](const auto& c) { return isForeignCondition(c.type); });
  for (const auto& c : theirs.conditions) {
    if (isForeignCondition(c.type)) out.conditions.push_back(c);
  }
  out.nominatedNodeName = theirs.nominatedNodeName;
  out.resourceClaimStatuses = theirs.resourceClaimStatuses;
  out.extendedResourceClaimStatus = theirs.extendedResourceClaimStatus;
  return out;
}

/// Empty: nothing differs.
Result<std::string> statusPatch(const Pod& base, const PodStatus& status) {
  Pod before;
  before.status = base.status;
  Pod after;
  after.status = status;
  api::JsonEncodeOptions options;
  options.typeMeta = false;
  TRY(auto patch,
      api::createTwoWayStrategicPatch(api::encodeValue(Pod::info(), &before, options),
                                      api::encodeValue(Pod::info(), &after, options), Pod::info()));
  if (patch.as_object().empty()) return std::string();
  // The server refuses it for another object of the same name.
  patch.as_object()["metadata"] = boost::json::object{{"uid", base.metadata.uid}};
  return api::writeJsonValue(patch);
}

}  // namespace

StatusManager::StatusManager(client::Client& client, Executor& executor, ApiPodFunction apiPod)
    : client_(client),
      executor_(executor),
      apiPod_(std::move(apiPod)),
      queue_(executor, queueOptions()) {}

StatusManager::~StatusManager() = default;

void StatusManager::start() {
  for (int i = 0; i < kWriters; ++i) {
    spawn(executor_, drain(*this, gate_.enter(), stop_.get_token()));
  }
}

Task<void> StatusManager::stop() {
  stop_.request_stop();
  queue_.shutDown();
  co_await gate_.close();
}

const PodStatus* StatusManager::get(const std::string& uid) const {
  auto found = entries_.find(uid);
  return found == entries_.end() || !found->second.reported ? nullptr : &found->second.status;
}

void StatusManager::set(PodPointer pod, PodStatus status) {
  auto uid = pod->metadata.uid;
  auto& entry = entries_[uid];
  bool same = entry.reported && entry.status == status;
  entry.pod = std::move(pod);
  if (same) return;
  entry.status = std::move(status);
  entry.reported = true;
  queue_.add(uid);
}

void StatusManager::finish(PodPointer pod) {
  auto uid = pod->metadata.uid;
  auto& entry = entries_[uid];
  entry.pod = std::move(pod);
  entry.finished = true;
  queue_.add(uid);
}

void StatusManager::touch(const std::string& uid) {
  if (entries_.contains(uid)) queue_.add(uid);
}

void StatusManager::forget(const std::string& uid) {
  entries_.erase(uid);
}

Task<void> StatusManager::drain(StatusManager& self, Gate::Pass pass, std::stop_token stop) {
  while (true) {
    auto uid = co_await self.queue_.get(stop);
    if (!uid) co_return;
    auto status = co_await self.write(*uid, stop);
    if (status.ok()) {
      self.queue_.forget(*uid);
    } else if (!stop.stop_requested()) {
      log.warn("writing a pod's status failed", {{"uid", *uid}, {"error", status}});
      self.queue_.addRateLimited(*uid);
    }
    self.queue_.done(*uid);
  }
}

Task<Status> StatusManager::write(std::string uid, std::stop_token stop) {
  auto found = entries_.find(uid);
  if (found == entries_.end()) co_return Status();
  auto base = apiPod_(*found->second.pod);
  if (!base) co_return Status();  // a mirror that is to come: touch() follows
  const auto& written = found->second.written;
  // Our own last write may be newer than what the watch has brought.
  if (written && written->metadata.uid == base->metadata.uid &&
      versionOf(*written) > versionOf(*base)) {
    base = written;
  }
  if (found->second.reported) {
    Status patched = co_await patch(uid, base, stop);
    if (isNotFound(patched) || isConflict(patched)) co_return Status();  // another object by now
    if (!patched.ok()) co_return patched;
  }
  found = entries_.find(uid);
  if (found == entries_.end() || !found->second.finished) co_return Status();
  Status removed = co_await removeObject(uid, std::move(base), stop);
  found = entries_.find(uid);
  if (removed.ok() && found != entries_.end()) found->second.finished = false;
  co_return removed;
}

Task<Status> StatusManager::patch(std::string uid, PodPointer base, std::stop_token stop) {
  auto status = merged(entries_[uid].status, base->status);
  if (status == base->status) co_return Status();
  CO_TRY(auto body, statusPatch(*base, status));
  if (body.empty()) co_return Status();
  const auto& type = client::resourceOf<Pod>();
  auto answer =
      co_await client_.patch(type, base->metadata.namespace_, base->metadata.name, "status",
                             client::PatchType::StrategicMerge, std::move(body), stop);
  if (!answer.ok()) co_return answer.status();
  auto found = entries_.find(uid);
  if (found != entries_.end()) found->second.written = answer->sharedAs<Pod>();
  co_return Status();
}

Task<Status> StatusManager::removeObject(std::string uid, PodPointer base, std::stop_token stop) {
  if (!base->metadata.deletionTimestamp) co_return Status();
  client::DeleteOptions options;
  options.gracePeriodSeconds = 0;
  options.uid = base->metadata.uid;
  const auto& type = client::resourceOf<Pod>();
  Status removed = co_await client_.remove(type, base->metadata.namespace_, base->metadata.name,
                                           std::move(options), stop);
  if (isNotFound(removed) || isConflict(removed)) removed = Status();
  if (removed.ok()) log.info("pod is gone", {{"pod", podText(*base)}});
  co_return removed;
}

}  // namespace coxswain::kubelet
