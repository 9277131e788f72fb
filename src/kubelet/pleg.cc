#include "kubelet/pleg.h"

#include <fmt/format.h>

#include "base/log.h"
#include "kubelet/container/names.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {
namespace {

const Logger log("kubelet");

constexpr Duration kSettleMin = 1ms;
constexpr Duration kSettleMax = 1s;
// What happened just before events were listened to may be in the runtime's lists only later.
constexpr Duration kLateMax = 2 * kSettleMax;

const std::string* uidIn(const api::Map<std::string>& labels) {
  return labels.get(kPodUidLabel);
}

}  // namespace

Pleg::Pleg(Executor& executor, cri::RuntimeService& runtime, Handlers handlers, Duration slow,
           Duration fast)
    : executor_(executor),
      runtime_(runtime),
      handlers_(std::move(handlers)),
      slow_(slow),
      fast_(fast) {}

Pleg::~Pleg() = default;

void Pleg::start() {
  relistedAt_ = executor_.now();
  spawn(executor_, runEvents(*this, gate_.enter(), stop_.get_token()));
  spawn(executor_, runRelist(*this, gate_.enter(), stop_.get_token()));
}

Task<void> Pleg::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

Task<void> Pleg::runEvents(Pleg& self, Gate::Pass pass, std::stop_token stop) {
  bool told = false;
  while (!stop.stop_requested()) {
    Status ended = co_await self.follow(stop);
    self.following_ = false;
    self.wake_.set();  // what came in between is found by a list
    if (stop.stop_requested()) co_return;
    if (!told) log.warn("the runtime's events ended, trying again", {{"error", ended}});
    told = true;
    Status slept = co_await sleepFor(self.fast_, stop);
    if (!slept.ok()) co_return;
  }
}

Task<Status> Pleg::follow(std::stop_token stop) {
  CO_TRY(auto events, co_await runtime_.events(stop));
  following_ = true;
  followingSince_ = executor_.now();
  wake_.set();
  while (true) {
    CO_TRY(auto event, co_await events->next(stop));
    spawn(executor_, handle(*this, gate_.enter(), std::move(event), stop));
  }
}

/// What the runtime knows of a container or sandbox.
Task<Pleg::Found> Pleg::find(std::string id, std::stop_token stop) {
  cri::ContainerFilter filter;
  filter.id = id;
  auto containers = co_await runtime_.listContainers(std::move(filter), stop);
  if (containers.ok() && !containers->empty()) {
    const auto& container = containers->front();
    const auto* uid = uidIn(container.labels);
    co_return Found{uid ? *uid : "", container.state == cri::CONTAINER_RUNNING};
  }
  cri::PodSandboxFilter sandboxFilter;
  sandboxFilter.id = std::move(id);
  auto sandboxes = co_await runtime_.listPodSandbox(std::move(sandboxFilter), stop);
  if (sandboxes.ok() && !sandboxes->empty()) {
    const auto& sandbox = sandboxes->front();
    const auto* uid = uidIn(sandbox.labels);
    co_return Found{uid ? *uid : "", sandbox.state == cri::SANDBOX_READY};
  }
  co_return Found{};
}

/// The CRI may learn of an end a moment after the event: waits until it has.
Task<void> Pleg::handle(Pleg& self, Gate::Pass pass, cri::ContainerEvent event,
                        std::stop_token stop) {
  bool ended = event.type == cri::CONTAINER_STOPPED_EVENT;
  auto uid = self.handlers_.uidOf(event.containerId);
  Duration pause = kSettleMin;
  while (uid.empty() || ended) {
    auto found = co_await self.find(event.containerId, stop);
    if (uid.empty()) uid = found.uid;
    if (!ended || !found.runs || pause > kSettleMax) break;
    Status slept = co_await sleepFor(pause, stop);
    if (!slept.ok()) co_return;
    pause *= 2;
  }
  if (!uid.empty()) self.handlers_.changed(uid);
}

Task<void> Pleg::runRelist(Pleg& self, Gate::Pass pass, std::stop_token stop) {
  while (!stop.stop_requested()) {
    self.wake_.reset();
    const auto begun = self.executor_.now();
    Status done = co_await self.relist(stop);
    if (stop.stop_requested()) co_return;
    if (!done.ok()) log.warn("listing the runtime's containers failed", {{"error", done}});
    const bool sure = self.following_ && begun >= self.followingSince_ + kLateMax;
    Deadline deadline(sure && done.ok() ? self.slow_ : self.fast_, stop);
    Status ignored = co_await self.wake_.wait(deadline.token());
  }
}

Task<Status> Pleg::relist(std::stop_token stop) {
  std::map<std::string, std::string> now;
  cri::PodSandboxFilter allSandboxes;
  CO_TRY(auto sandboxes, co_await runtime_.listPodSandbox(std::move(allSandboxes), stop));
  for (const auto& sandbox : sandboxes) {
    if (const auto* uid = uidIn(sandbox.labels)) {
      now[*uid] += fmt::format("{}={};", sandbox.id, sandbox.state);
    }
  }
  cri::ContainerFilter allContainers;
  CO_TRY(auto containers, co_await runtime_.listContainers(std::move(allContainers), stop));
  for (const auto& container : containers) {
    if (const auto* uid = uidIn(container.labels)) {
      now[*uid] += fmt::format("{}={};", container.id, container.state);
    }
  }
  relistedAt_ = executor_.now();
  auto before = std::exchange(pods_, now);
  for (const auto& [uid, look] : now) {
    auto known = before.find(uid);
    if (known == before.end() || known->second != look) handlers_.changed(uid);
  }
  for (const auto& [uid, look] : before) {
    if (!now.contains(uid)) handlers_.changed(uid);
  }
  handlers_.listed(now);
  co_return Status();
}

}  // namespace coxswain::kubelet
