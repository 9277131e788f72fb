#include "kubelet/container/actions.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "kubelet/prober/probe_manager.h"

namespace coxswain::kubelet {
namespace {

class Decision {
 public:
  Decision(const PodPointer& pod, const PodState& state, const HealthFunction& health)
      : pod_(pod), state_(state), health_(health), containers_(podContainers(pod)) {}

  PodActions decide() {
    const auto* sandbox = state_.sandbox();
    if (!sandbox || !usable(*sandbox)) {
      replaceSandbox(sandbox);
      return std::move(actions_);
    }
    initialized_ = std::any_of(containers_.begin(), containers_.end(), [&](const auto& c) {
      return c.kind == ContainerKind::Regular && runInSandbox(c);
    });
    bool open = initialize();
    if (initialized_ || open) {
      for (const auto& c : containers_) {
        if (c.kind == ContainerKind::Regular) regular(c);
      }
      for (const auto& c : containers_) {
        if (c.kind == ContainerKind::Ephemeral && !state_.run(c.spec->name)) {
          actions_.start.push_back(c);
        }
      }
    }
    return std::move(actions_);
  }

 private:
  bool usable(const SandboxState& sandbox) const {
    if (!sandbox.ready) return false;
    return pod_->spec.hostNetwork || !sandbox.ips.empty();
  }

  void replaceSandbox(const SandboxState* old) {
    bool useful = std::any_of(containers_.begin(), containers_.end(), [&](const auto& c) {
      return c.kind == ContainerKind::Regular && wouldRun(c);
    });
    bool running = state_.anyRunning() || (old && old->ready);
    actions_.stopOldSandbox = old && running;
    if (!useful) return;
    actions_.createSandbox = true;
    actions_.attempt = old ? old->attempt + 1 : 0;
  }

  /// In a new sandbox.
  bool wouldRun(const PodContainer& c) const {
    const auto* run = state_.run(c.spec->name);
    if (!run || (!run->running() && !run->exited())) return true;
    return restartsAfterExit(*pod_, c, run->running() ? 137 : run->exitCode);
  }

  const ContainerRun* runInSandbox(const PodContainer& c) const {
    const auto* run = state_.run(c.spec->name);
    return run && run->sandboxId == state_.sandbox()->id ? run : nullptr;
  }

  void start(const PodContainer& c, const ContainerRun* run) {
    if (run && !run->exited()) actions_.remove.push_back(run->id);
    actions_.start.push_back(c);
  }

  /// True: nothing holds the regular containers back.
  bool initialize() {
    for (const auto& c : containers_) {
      const auto* run = runInSandbox(c);
      if (c.kind == ContainerKind::Sidecar) {
        if (!run || !run->running()) {
          start(c, run);
          if (!initialized_) return false;
        } else if (killedByProbe(c, *run) || killedByChange(c, *run)) {
          if (!initialized_) return false;
        } else if (!initialized_ && !health_(c.spec->name).started) {
          return false;
        }
      } else if (c.kind == ContainerKind::Init && !initialized_) {
        if (!run || (!run->running() && !run->exited())) {
          start(c, run);
          return false;
        }
        if (run->running()) return false;
        if (run->exitCode == 0) continue;
        if (restartsAfterExit(*pod_, c, run->exitCode)) start(c, run);
        return false;
      }
    }
    return true;
  }

  void regular(const PodContainer& c) {
    const auto* run = state_.run(c.spec->name);
    if (!run || (!run->running() && !run->exited())) {
      start(c, run);
    } else if (run->exited()) {
      if (restartsAfterExit(*pod_, c, run->exitCode)) start(c, run);
    } else if (!killedByChange(c, *run)) {
      killedByProbe(c, *run);
    }
  }

  bool killedByChange(const PodContainer& c, const ContainerRun& run) {
    // Runs of another kubelet have other hashes: what they run decides.
    if (run.hash.empty() || run.hash == containerHash(*c.spec) || run.image == c.spec->image) {
      return false;
    }
    actions_.kill.push_back(
        {run.id, c, fmt::format("Container {} definition changed, will be restarted", c.spec->name),
         std::nullopt});
    return true;
  }

  bool killedByProbe(const PodContainer& c, const ContainerRun& run) {
    auto health = health_(c.spec->name);
    if (!health.livenessFailed && !health.startupFailed) return false;
    auto kind = health.startupFailed ? ProbeKind::Startup : ProbeKind::Liveness;
    bool restarts = restartsAfterExit(*pod_, c, 137);
    actions_.kill.push_back({run.id, c, probeKillMessage(c.spec->name, kind, restarts),
                             probeGracePeriod(*pod_, *c.spec, kind)});
    return true;
  }

  const PodPointer& pod_;
  const PodState& state_;
  const HealthFunction& health_;
  std::vector<PodContainer> containers_;
  PodActions actions_;
  bool initialized_ = false;
};

}  // namespace

PodActions decideActions(const PodPointer& pod, const PodState& state,
                         const HealthFunction& health) {
  return Decision(pod, state, health).decide();
}

}  // namespace coxswain::kubelet
