// Pods: what kubectl shows as their status is not one field but a digest of many.
#include <string>

#include "api/gen/core_v1.h"
#include "api/helpers/pods.h"
#include "apiserver/tables/printer.h"

namespace coxswain::apiserver::tables {
namespace {

using namespace api::core::v1;  // NOLINT

constexpr Column kPodColumns[] = {kName,
                                  {"Ready"},
                                  {"Status"},
                                  {"Restarts"},
                                  kAge,
                                  wide("IP"),
                                  wide("Node"),
                                  wide("Nominated Node"),
                                  wide("Readiness Gates")};

struct Restarts {
  int64_t count = 0;
  api::Time last;  ///< zero: not known

  void add(const ContainerStatus& status) {
    count += status.restartCount;
    if (status.lastState.terminated && status.lastState.terminated->finishedAt > last) {
      last = status.lastState.terminated->finishedAt;
    }
  }
  [[nodiscard]] std::string text(WallTime now) const {
    if (count == 0 || last.isZero()) return std::to_string(count);
    return cat(count, " (", ageText(last, now), " ago)");
  }
};

struct PodDigest {
  std::string status;
  int ready = 0;
  Restarts restarts;
};

std::string exitText(const ContainerStateTerminated& terminated) {
  if (!terminated.reason.empty()) return terminated.reason;
  if (terminated.signal != 0) return cat("Signal:", terminated.signal);
  return cat("ExitCode:", terminated.exitCode);
}

bool conditionTrue(const PodStatus& status, std::string_view type) {
  const PodCondition* condition = api::findPodCondition(status, type);
  return condition && condition->status == "True";
}

bool isSidecarNamed(const PodSpec& spec, const std::string& name) {
  for (const auto& container : spec.initContainers) {
    if (container.name == name) return api::isSidecar(container);
  }
  return false;
}

/// What the unfinished init container waits for; empty: it is done (or a started sidecar).
std::string initStatus(const Pod& pod, size_t index, bool sidecar) {
  const ContainerStatus& status = pod.status.initContainerStatuses[index];
  const auto& state = status.state;
  if (state.terminated && state.terminated->exitCode == 0) return "";
  if (sidecar && status.started.value_or(false)) return "";
  if (state.terminated) return "Init:" + exitText(*state.terminated);
  if (state.waiting && !state.waiting->reason.empty() &&
      state.waiting->reason != "PodInitializing") {
    return "Init:" + state.waiting->reason;
  }
  return cat("Init:", index, "/", pod.spec.initContainers.size());
}

/// Looks at init containers until the first that is not done. True: the pod is initializing.
bool digestInit(const Pod& pod, PodDigest& digest, Restarts& sidecarRestarts) {
  for (size_t i = 0; i < pod.status.initContainerStatuses.size(); ++i) {
    const ContainerStatus& status = pod.status.initContainerStatuses[i];
    const bool sidecar = isSidecarNamed(pod.spec, status.name);
    digest.restarts.add(status);
    if (sidecar) sidecarRestarts.add(status);
    std::string waitsFor = initStatus(pod, i, sidecar);
    if (!waitsFor.empty()) {
      digest.status = std::move(waitsFor);
      return true;
    }
    const bool ended = status.state.terminated && status.state.terminated->exitCode == 0;
    if (!ended && status.ready) ++digest.ready;
  }
  return false;
}

/// The first container that has something to say wins, so go backwards.
void digestContainers(const Pod& pod, PodDigest& digest) {
  bool running = false;
  std::string error;
  const auto& statuses = pod.status.containerStatuses;
  for (size_t i = statuses.size(); i-- > 0;) {
    const ContainerStatus& status = statuses[i];
    digest.restarts.add(status);
    const auto& state = status.state;
    if (state.waiting && !state.waiting->reason.empty()) {
      digest.status = state.waiting->reason;
    } else if (state.terminated) {
      digest.status = exitText(*state.terminated);
      if (state.terminated->exitCode != 0) error = digest.status;
    } else if (status.ready && state.running) {
      running = true;
      ++digest.ready;
    }
  }
  if (digest.status != "Completed") return;
  if (running && conditionTrue(pod.status, "Ready")) {
    digest.status = "Running";
  } else if (!error.empty()) {
    digest.status = error;
  } else if (running) {
    digest.status = "NotReady";
  }
}

PodDigest digestOf(const Pod& pod) {
  PodDigest digest;
  digest.status = pod.status.reason.empty() ? pod.status.phase : pod.status.reason;
  for (const auto& condition : pod.status.conditions) {
    if (condition.type == "PodScheduled" && condition.reason == "SchedulingGated") {
      digest.status = "SchedulingGated";
    }
  }
  Restarts sidecarRestarts;
  const bool initializing = digestInit(pod, digest, sidecarRestarts);
  if (!initializing || conditionTrue(pod.status, "Initialized")) {
    digest.restarts = sidecarRestarts;
    digestContainers(pod, digest);
  }
  if (pod.metadata.deletionTimestamp) {
    if (pod.status.reason == "NodeLost") {
      digest.status = "Unknown";
    } else if (!api::isPodTerminal(pod)) {
      digest.status = "Terminating";
    }
  }
  return digest;
}

std::string readinessGates(const Pod& pod) {
  if (pod.spec.readinessGates.empty()) return "<none>";
  int passed = 0;
  for (const auto& gate : pod.spec.readinessGates) {
    if (conditionTrue(pod.status, gate.conditionType)) ++passed;
  }
  return cat(passed, "/", pod.spec.readinessGates.size());
}

void printPod(const Pod& pod, Row& row) {
  size_t total = pod.spec.containers.size();
  for (const auto& container : pod.spec.initContainers) {
    if (api::isSidecar(container)) ++total;
  }
  const PodDigest digest = digestOf(pod);
  row.text(pod.metadata.name)
      .text(cat(digest.ready, "/", total))
      .text(digest.status)
      .text(digest.restarts.text(row.now()))
      .age(pod.metadata)
      .textOr(pod.status.podIPs.empty() ? std::string() : pod.status.podIPs[0].ip, "<none>")
      .textOr(pod.spec.nodeName, "<none>")
      .textOr(pod.status.nominatedNodeName, "<none>")
      .text(readinessGates(pod));
  if (pod.status.phase == "Succeeded") {
    row.completed("Succeeded", "The pod has completed successfully.");
  } else if (pod.status.phase == "Failed") {
    row.completed("Failed", "The pod failed.");
  }
}

constexpr Column kPodTemplateColumns[] = {kName, {"Containers"}, {"Images"}, {"Pod Labels"}};

void printPodTemplate(const PodTemplate& object, Row& row) {
  row.text(object.metadata.name);
  podSpecCells(object.template_.spec, row);
  row.text(labelsText(object.template_.metadata.labels));
}

}  // namespace

std::span<const Printer> podPrinters() {
  static const Printer all[] = {
      printer<Pod, printPod>(kPodColumns),
      printer<PodTemplate, printPodTemplate>(kPodTemplateColumns),
  };
  return all;
}

}  // namespace coxswain::apiserver::tables
