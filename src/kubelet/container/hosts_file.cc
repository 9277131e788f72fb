#include "kubelet/container/hosts_file.h"

#include <fmt/format.h>

#include "api/gen/core_v1.h"

namespace coxswain::kubelet {
namespace {

constexpr size_t kHostnameMax = 63;
constexpr size_t kShownMax = 64;

void appendAliases(const api::core::v1::Pod& pod, std::string& out) {
  if (pod.spec.hostAliases.empty()) return;
  out += "\n# Entries added by HostAliases.\n";
  for (const auto& alias : pod.spec.hostAliases) {
    out += fmt::format("{}\t{}\n", alias.ip, fmt::join(alias.hostnames, "\t"));
  }
}

}  // namespace

PodHostname podHostname(const api::core::v1::Pod& pod, std::string_view clusterDomain) {
  PodHostname out;
  if (pod.spec.hostnameOverride && !pod.spec.hostnameOverride->empty()) {
    out.hostname = out.shown = *pod.spec.hostnameOverride;
    return out;
  }
  out.hostname = pod.spec.hostname.empty() ? pod.metadata.name : pod.spec.hostname;
  if (out.hostname.size() > kHostnameMax) {
    out.hostname.resize(kHostnameMax);
    while (!out.hostname.empty() && (out.hostname.back() == '-' || out.hostname.back() == '.')) {
      out.hostname.pop_back();
    }
  }
  if (!pod.spec.subdomain.empty()) {
    out.domain =
        fmt::format("{}.{}.svc.{}", pod.spec.subdomain, pod.metadata.namespace_, clusterDomain);
  }
  out.shown = out.hostname;
  if (pod.spec.setHostnameAsFQDN.value_or(false) && !out.domain.empty()) {
    out.shown = out.hostname + "." + out.domain;
    if (out.shown.size() > kShownMax) {
      out.error = fmt::format(
          "failed to construct FQDN from pod hostname and cluster domain, FQDN {} is too long "
          "({} characters is the max, {} characters requested)",
          out.shown, kShownMax, out.shown.size());
    }
  }
  return out;
}

std::string hostsFile(const api::core::v1::Pod& pod, const std::vector<std::string>& ips,
                      const PodHostname& name) {
  std::string out =
      "# Kubernetes-managed hosts file.\n"
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::0\tip6-localnet\n"
      "fe00::0\tip6-mcastprefix\n"
      "fe00::1\tip6-allnodes\n"
      "fe00::2\tip6-allrouters\n";
  for (const auto& ip : ips) {
    if (name.domain.empty()) {
      out += fmt::format("{}\t{}\n", ip, name.hostname);
    } else {
      out += fmt::format("{0}\t{1}.{2}\t{1}\n", ip, name.hostname, name.domain);
    }
  }
  appendAliases(pod, out);
  return out;
}

std::string hostNetworkHostsFile(const api::core::v1::Pod& pod, std::string_view nodeFile) {
  std::string out = "# Kubernetes-managed hosts file (host network).\n";
  out += nodeFile;
  if (!out.ends_with('\n')) out += '\n';
  appendAliases(pod, out);
  return out;
}

}  // namespace coxswain::kubelet
