#include <fmt/format.h>

#include "api/gen/core_v1.h"
#include "api/helpers/resources.h"
#include "kubelet/cgroups/resources.h"
#include "kubelet/container/config.h"
#include "kubelet/container/hosts_file.h"
#include "kubelet/container/names.h"

namespace coxswain::kubelet {
namespace {

using api::core::v1::Pod;

cri::Protocol protocolOf(std::string_view name) {
  if (name == "UDP") return cri::UDP;
  if (name == "SCTP") return cri::SCTP;
  return cri::TCP;
}

void addPorts(const std::vector<api::core::v1::Container>& containers,
              std::vector<cri::PortMapping>& out) {
  for (const auto& container : containers) {
    for (const auto& port : container.ports) {
      cri::PortMapping mapping;
      mapping.protocol = protocolOf(port.protocol);
      mapping.containerPort = port.containerPort;
      mapping.hostPort = port.hostPort;
      mapping.hostIp = port.hostIP;
      out.push_back(std::move(mapping));
    }
  }
}

/// Of the whole pod, so that runtimes that isolate by sandbox know its size.
cri::LinuxContainerResources sumOf(const api::ResourceList& requests,
                                   const api::ResourceList& limits, const NodeSettings& node) {
  cri::LinuxContainerResources out;
  auto milli = [](const api::ResourceList& list) {
    const auto* cpu = list.get("cpu");
    return cpu ? cpu->milliValue() : 0;
  };
  auto periodUs =
      std::chrono::duration_cast<std::chrono::microseconds>(node.cpuCfsQuotaPeriod).count();
  out.cpuShares = static_cast<int64_t>(milliCpuToShares(milli(requests)));
  if (node.cpuCfsQuota) {
    out.cpuPeriod = periodUs;
    out.cpuQuota = milliCpuToQuotaUs(milli(limits), periodUs);
  }
  if (const auto* memory = limits.get("memory")) out.memoryLimitInBytes = memory->value();
  return out;
}

cri::LinuxPodSandboxConfig linuxConfig(const Pod& pod, const std::string& cgroupParent,
                                       const NodeSettings& node) {
  cri::LinuxPodSandboxConfig out;
  out.cgroupParent = cgroupParent;
  out.securityContext = sandboxSecurity(pod);
  if (pod.spec.securityContext) {
    for (const auto& sysctl : pod.spec.securityContext->sysctls) {
      out.sysctls[sysctl.name] = sysctl.value;
    }
  }
  api::PodResourcesOptions bare;
  bare.excludeOverhead = true;
  out.resources = sumOf(api::podRequests(pod, bare), api::podLimits(pod, bare), node);
  if (!pod.spec.overhead.empty()) {
    out.overhead = sumOf(pod.spec.overhead, pod.spec.overhead, node);
  }
  return out;
}

}  // namespace

std::string podLogDirectory(const std::string& logsDir, const Pod& pod) {
  return fmt::format("{}/{}_{}_{}", logsDir, pod.metadata.namespace_, pod.metadata.name,
                     pod.metadata.uid);
}

Result<cri::PodSandboxConfig> sandboxConfig(const Pod& pod, uint32_t attempt,
                                            const std::string& cgroupParent,
                                            const NodeSettings& node) {
  if (pod.spec.hostUsers && !*pod.spec.hostUsers) {
    return badRequest("user namespaces (hostUsers: false) are not supported by this kubelet");
  }
  cri::PodSandboxConfig out;
  auto& metadata = out.metadata.getOrCreate();
  metadata.name = pod.metadata.name;
  metadata.namespace_ = pod.metadata.namespace_;
  metadata.uid = pod.metadata.uid;
  metadata.attempt = attempt;
  out.labels = pod.metadata.labels;
  out.labels[kPodNameLabel] = pod.metadata.name;
  out.labels[kPodNamespaceLabel] = pod.metadata.namespace_;
  out.labels[kPodUidLabel] = pod.metadata.uid;
  out.annotations = pod.metadata.annotations;
  out.logDirectory = podLogDirectory(node.podLogsDir, pod);
  auto dns = podDns(pod, node.dns);
  auto& dnsConfig = out.dnsConfig.getOrCreate();
  dnsConfig.servers = dns.config.servers;
  dnsConfig.searches = dns.config.searches;
  dnsConfig.options = dns.config.options;
  if (!pod.spec.hostNetwork) {
    auto name = podHostname(pod, node.clusterDomain);
    if (!name.error.empty()) return badRequest(name.error);
    out.hostname = name.shown;
    addPorts(pod.spec.initContainers, out.portMappings);
    addPorts(pod.spec.containers, out.portMappings);
  }
  out.linux = linuxConfig(pod, cgroupParent, node);
  return out;
}

}  // namespace coxswain::kubelet
