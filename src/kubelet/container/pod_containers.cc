#include "kubelet/container/pod_containers.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/helpers/objects.h"
#include "api/helpers/pods.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Container;
using api::core::v1::EphemeralContainer;
using api::core::v1::Pod;

ContainerPointer asContainer(const EphemeralContainer& ephemeral) {
  const auto& common = ephemeral.ephemeralContainerCommon;
  auto out = std::make_shared<Container>();
  out->name = common.name;
  out->image = common.image;
  out->command = common.command;
  out->args = common.args;
  out->workingDir = common.workingDir;
  out->envFrom = common.envFrom;
  out->env = common.env;
  out->resources = common.resources;
  out->volumeMounts = common.volumeMounts;
  out->volumeDevices = common.volumeDevices;
  out->terminationMessagePath = common.terminationMessagePath;
  out->terminationMessagePolicy = common.terminationMessagePolicy;
  out->imagePullPolicy = common.imagePullPolicy;
  out->securityContext = common.securityContext;
  out->stdin = common.stdin;
  out->stdinOnce = common.stdinOnce;
  out->tty = common.tty;
  return out;
}

bool ruleMatches(const api::core::v1::ContainerRestartRule& rule, int32_t exitCode) {
  if (!rule.exitCodes) return false;
  const auto& values = rule.exitCodes->values;
  bool listed = std::find(values.begin(), values.end(), exitCode) != values.end();
  return rule.exitCodes->operator_ == "NotIn" ? !listed : listed;
}

}  // namespace

std::vector<PodContainer> podContainers(const PodPointer& pod) {
  std::vector<PodContainer> all;
  auto add = [&](const Container& spec, ContainerKind kind) {
    all.push_back({ContainerPointer(pod, &spec), kind, ""});
  };
  for (const auto& c : pod->spec.initContainers) {
    add(c, api::isSidecar(c) ? ContainerKind::Sidecar : ContainerKind::Init);
  }
  for (const auto& c : pod->spec.containers) add(c, ContainerKind::Regular);
  for (const auto& c : pod->spec.ephemeralContainers) {
    all.push_back({asContainer(c), ContainerKind::Ephemeral, c.targetContainerName});
  }
  return all;
}

PodContainer findContainer(const PodPointer& pod, std::string_view name) {
  for (auto& container : podContainers(pod)) {
    if (container.spec->name == name) return container;
  }
  return {};
}

std::string containerHash(const Container& container) {
  return fmt::format("{:x}", api::fnv32a(container.name + "\n" + container.image));
}

std::string podText(const Pod& pod) {
  return fmt::format("{}_{}({})", pod.metadata.name, pod.metadata.namespace_, pod.metadata.uid);
}

bool restartsAfterExit(const Pod& pod, const PodContainer& container, int32_t exitCode) {
  if (container.kind == ContainerKind::Ephemeral) return false;
  if (container.kind == ContainerKind::Sidecar) return true;
  const auto& spec = *container.spec;
  for (const auto& rule : spec.restartPolicyRules) {
    if (rule.action == "Restart" && ruleMatches(rule, exitCode)) return true;
  }
  const std::string& policy = spec.restartPolicy.value_or(pod.spec.restartPolicy);
  if (policy == "Never") return false;
  // An init container that succeeded has done its work, whatever the policy.
  if (policy == "OnFailure" || container.kind == ContainerKind::Init) return exitCode != 0;
  return true;
}

std::string containerFieldPath(const PodContainer& container) {
  const char* list = "containers";
  if (container.kind == ContainerKind::Init || container.kind == ContainerKind::Sidecar) {
    list = "initContainers";
  } else if (container.kind == ContainerKind::Ephemeral) {
    list = "ephemeralContainers";
  }
  return fmt::format("spec.{}{{{}}}", list, container.spec->name);
}

}  // namespace coxswain::kubelet
