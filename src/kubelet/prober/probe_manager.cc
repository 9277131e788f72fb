#include "kubelet/prober/probe_manager.h"

#include <algorithm>
#include <array>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "kubelet/env/references.h"
#include "runtime/spawn.h"

namespace coxswain::kubelet {

using api::core::v1::Container;
using api::core::v1::Pod;
using api::core::v1::Probe;

namespace {

constexpr int kTriesMax = 3;
constexpr size_t kKinds = 3;

size_t indexOf(ProbeKind kind) {
  return static_cast<size_t>(kind);
}

Duration periodOf(const Probe& spec) {
  return std::chrono::seconds(spec.periodSeconds > 0 ? spec.periodSeconds : 10);
}

}  // namespace

/// One life of a container.
struct ProbedContainer {
  std::shared_ptr<const Pod> pod;  ///< the newest: events regard it
  ProbeManager::RunningContainer facts;
  Container spec;
  std::array<ProbeResult, kKinds> results{};
  Event started;
  std::stop_source stop;         ///< all probes
  std::stop_source terminating;  ///< those that would kill
};

struct ProbeManager::Impl {
  using Key = std::pair<std::string, std::string>;

  explicit Impl(Dependencies d) : deps(std::move(d)) {}

  void begin(PodPointer pod, RunningContainer container);
  static Task<void> work(Impl& self, std::shared_ptr<ProbedContainer> run, ProbeKind kind,
                         Gate::Pass pass);
  Task<void> loop(ProbedContainer& run, ProbeKind kind, std::stop_token stop);
  Task<Status> waitForStart(ProbedContainer& run, ProbeKind kind, std::stop_token stop);
  /// Nothing: it could not be found out.
  Task<std::optional<ProbeResult>> once(ProbedContainer& run, ProbeKind kind, std::stop_token stop);
  void set(ProbedContainer& run, ProbeKind kind, ProbeResult result);
  std::shared_ptr<ProbedContainer> find(const std::string& uid, const std::string& name) const {
    const auto found = runs.find({uid, name});
    return found == runs.end() ? nullptr : found->second;
  }

  Dependencies deps;
  std::map<Key, std::shared_ptr<ProbedContainer>> runs;  // shared with their coroutines
  size_t workers = 0;
  Gate gate;
};

void ProbeManager::Impl::begin(PodPointer pod, RunningContainer container) {
  const Container* spec = findContainer(*pod, container.name);
  if (spec == nullptr) return;
  auto run = std::make_shared<ProbedContainer>();
  run->spec = *spec;
  run->facts = container;
  run->results[indexOf(ProbeKind::Liveness)] = ProbeResult::Success;
  run->results[indexOf(ProbeKind::Readiness)] = ProbeResult::Failure;
  if (container.foundRunning) {
    const auto* status = api::findContainerStatus(pod->status, container.name);
    if (status != nullptr && status->ready) {
      run->results[indexOf(ProbeKind::Readiness)] = ProbeResult::Success;
    }
  }
  if (!spec->startupProbe || container.foundRunning) {
    run->results[indexOf(ProbeKind::Startup)] = ProbeResult::Success;
    run->started.set();
  }
  run->pod = std::move(pod);
  runs[{run->pod->metadata.uid, container.name}] = run;
  for (const auto kind : {ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness}) {
    if (probeOf(run->spec, kind) == nullptr) continue;
    if (kind == ProbeKind::Startup && run->started.isSet()) continue;
    if (auto pass = gate.enter()) {
      ++workers;
      spawn(deps.executor, work(*this, run, kind, std::move(pass)));
    }
  }
}

Task<void> ProbeManager::Impl::work(Impl& self, std::shared_ptr<ProbedContainer> run,
                                    ProbeKind kind, Gate::Pass pass) {
  const bool kills = kind != ProbeKind::Readiness;
  // Either source ends it; the frame's own callback joins them.
  std::stop_source both;
  const auto join = [both]() mutable { both.request_stop(); };
  std::stop_callback onStop(run->stop.get_token(), join);
  std::stop_callback onTerminating(kills ? run->terminating.get_token() : std::stop_token(), join);
  co_await self.loop(*run, kind, both.get_token());
  --self.workers;
}

Task<Status> ProbeManager::Impl::waitForStart(ProbedContainer& run, ProbeKind kind,
                                              std::stop_token stop) {
  if (kind != ProbeKind::Startup) {
    Status started = co_await run.started.wait(stop);
    if (!started.ok()) co_return started;
  }
  const Probe& spec = *probeOf(run.spec, kind);
  const WallTime first = run.facts.startedAt + std::chrono::seconds(spec.initialDelaySeconds);
  Duration delay = std::max<Duration>(first - deps.executor.wallNow(), 0s);
  if (run.facts.foundRunning) {
    // After a restart of the kubelet all would come at once.
    delay += std::chrono::duration_cast<Duration>(periodOf(spec) * deps.random.unit());
  }
  if (delay == 0s) co_return Status();
  co_return co_await sleepFor(delay, stop);
}

Task<void> ProbeManager::Impl::loop(ProbedContainer& run, ProbeKind kind, std::stop_token stop) {
  Status waited = co_await waitForStart(run, kind, stop);
  const Probe& spec = *probeOf(run.spec, kind);
  const int failures = std::max(spec.failureThreshold, 1);
  const int successes = std::max(spec.successThreshold, 1);
  ProbeResult last = ProbeResult::Unknown;
  int inARow = 0;
  while (waited.ok()) {
    const MonotonicTime began = deps.executor.now();
    const auto result = co_await once(run, kind, stop);
    if (stop.stop_requested()) co_return;
    if (result) {
      inARow = *result == last ? inARow + 1 : 1;
      last = *result;
      if (inARow >= (*result == ProbeResult::Failure ? failures : successes)) {
        set(run, kind, *result);
        // Its container will be killed, or it has done its part.
        const bool done = kind == ProbeKind::Startup ||
                          (kind == ProbeKind::Liveness && *result == ProbeResult::Failure);
        if (done) co_return;
      }
    }
    const Duration left = began + periodOf(spec) - deps.executor.now();
    waited = co_await sleepFor(std::max<Duration>(left, 0s), stop);
  }
}

Task<std::optional<ProbeResult>> ProbeManager::Impl::once(ProbedContainer& run, ProbeKind kind,
                                                          std::stop_token stop) {
  const Probe& spec = *probeOf(run.spec, kind);
  Prober::Answer answer;
  for (int i = 0; i < kTriesMax; ++i) {
    answer = co_await deps.prober.probe(spec, run.spec, run.facts.id, run.facts.podIP, stop);
    if (answer.outcome != Prober::Outcome::Error || stop.stop_requested()) break;
  }
  if (stop.stop_requested()) co_return std::nullopt;
  const std::string name(probeKindName(kind));
  const auto reference = containerReference(*run.pod, run.spec.name);
  switch (answer.outcome) {
    case Prober::Outcome::Success:
      co_return ProbeResult::Success;
    case Prober::Outcome::Warning:
      deps.events.event(reference, client::kEventWarning, "ProbeWarning",
                        name + " probe warning: " + answer.output);
      co_return ProbeResult::Success;
    case Prober::Outcome::Failure:
      deps.events.event(reference, client::kEventWarning, "Unhealthy",
                        name + " probe failed: " + answer.output);
      co_return ProbeResult::Failure;
    case Prober::Outcome::Error:
      deps.events.event(reference, client::kEventWarning, "Unhealthy",
                        name + " probe errored and resulted in unknown state: " + answer.output);
      break;
  }
  co_return std::nullopt;
}

void ProbeManager::Impl::set(ProbedContainer& run, ProbeKind kind, ProbeResult result) {
  ProbeResult& known = run.results[indexOf(kind)];
  if (known == result) return;
  known = result;
  if (kind == ProbeKind::Startup && result == ProbeResult::Success) run.started.set();
  if (!deps.onUpdate) return;
  ProbeUpdate update;
  update.podUid = run.pod->metadata.uid;
  update.container = run.spec.name;
  update.containerId = run.facts.id;
  update.kind = kind;
  update.result = result;
  deps.onUpdate(update);
}

ProbeManager::ProbeManager(Dependencies dependencies)
    : impl_(std::make_unique<Impl>(std::move(dependencies))) {}
ProbeManager::~ProbeManager() = default;

void ProbeManager::containerStarted(PodPointer pod, RunningContainer container) {
  const auto known = impl_->find(pod->metadata.uid, container.name);
  if (known && known->facts.id == container.id) {
    known->pod = std::move(pod);
    if (!container.podIP.empty()) known->facts.podIP = container.podIP;
    return;
  }
  if (known) known->stop.request_stop();
  impl_->begin(std::move(pod), std::move(container));
}

void ProbeManager::containerStopped(const std::string& podUid, const std::string& container) {
  const auto found = impl_->runs.find({podUid, container});
  if (found == impl_->runs.end()) return;
  found->second->stop.request_stop();
  impl_->runs.erase(found);
}

void ProbeManager::podTerminating(const std::string& podUid) {
  for (const auto& [key, run] : impl_->runs) {
    if (key.first == podUid) run->terminating.request_stop();
  }
}

void ProbeManager::removePod(const std::string& podUid) {
  std::erase_if(impl_->runs, [&](const auto& entry) {
    if (entry.first.first != podUid) return false;
    entry.second->stop.request_stop();
    return true;
  });
}

ProbeManager::Health ProbeManager::health(const std::string& podUid,
                                          const std::string& container) const {
  const auto run = impl_->find(podUid, container);
  if (!run) return {};
  Health health;
  health.started = run->started.isSet();
  const bool probed = run->spec.readinessProbe.has_value();
  const ProbeResult readiness = run->results[indexOf(ProbeKind::Readiness)];
  health.ready = health.started && (!probed || readiness == ProbeResult::Success);
  return health;
}

ProbeResult ProbeManager::result(const std::string& podUid, const std::string& container,
                                 ProbeKind kind) const {
  const auto run = impl_->find(podUid, container);
  if (!run || probeOf(run->spec, kind) == nullptr) return ProbeResult::Unknown;
  return run->results[indexOf(kind)];
}

size_t ProbeManager::workers() const {
  return impl_->workers;
}

Task<void> ProbeManager::stop() {
  for (const auto& [key, run] : impl_->runs) run->stop.request_stop();
  co_await impl_->gate.close();
}

std::string probeKillMessage(std::string_view container, ProbeKind kind, bool restarts) {
  std::string text = "Container " + std::string(container) + " failed ";
  text += kind == ProbeKind::Startup ? "startup probe" : "liveness probe";
  if (restarts) text += ", will be restarted";
  return text;
}

int64_t probeGracePeriod(const Pod& pod, const Container& container, ProbeKind kind) {
  const Probe* spec = probeOf(container, kind);
  if (spec != nullptr && spec->terminationGracePeriodSeconds) {
    return *spec->terminationGracePeriodSeconds;
  }
  return pod.spec.terminationGracePeriodSeconds.value_or(30);
}

}  // namespace coxswain::kubelet
