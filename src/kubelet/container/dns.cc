#include "kubelet/container/dns.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/core_v1.h"

namespace coxswain::kubelet {
namespace {

constexpr size_t kServersMax = 3;
constexpr size_t kSearchesMax = 32;
constexpr size_t kSearchBytesMax = 2048;

std::vector<std::string> words(std::string_view line) {
  std::vector<std::string> out;
  while (true) {
    auto start = line.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) return out;
    line.remove_prefix(start);
    auto end = std::min(line.find_first_of(" \t\r"), line.size());
    out.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

void addOnce(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

std::string join(const std::vector<std::string>& list) {
  return fmt::format("{}", fmt::join(list, " "));
}

std::vector<std::string> clusterSearches(std::string_view ns, const std::string& domain) {
  if (domain.empty()) return {};
  return {fmt::format("{}.svc.{}", ns, domain), "svc." + domain, domain};
}

std::string_view nameOf(std::string_view option) {
  return option.substr(0, option.find(':'));
}

/// The pod's own options win over those that are there.
void mergeOptions(std::vector<std::string>& options, const api::core::v1::PodDNSConfig& own) {
  for (const auto& option : own.options) {
    if (option.name.empty()) continue;
    std::string text = option.name;
    if (option.value && !option.value->empty()) text += ":" + *option.value;
    auto same = std::find_if(options.begin(), options.end(),
                             [&](const auto& o) { return nameOf(o) == option.name; });
    if (same == options.end()) {
      options.push_back(std::move(text));
    } else {
      *same = std::move(text);
    }
  }
}

std::string limitServers(DnsConfig& config) {
  if (config.servers.size() <= kServersMax) return {};
  config.servers.resize(kServersMax);
  return fmt::format(
      "Nameserver limits were exceeded, some nameservers have been omitted, the applied "
      "nameserver line is: {}",
      join(config.servers));
}

std::string limitSearches(DnsConfig& config) {
  size_t before = config.searches.size();
  if (before > kSearchesMax) config.searches.resize(kSearchesMax);
  while (join(config.searches).size() > kSearchBytesMax) config.searches.pop_back();
  if (config.searches.size() == before) return {};
  return fmt::format(
      "Search Line limits were exceeded, some search paths have been omitted, the applied search "
      "line is: {}",
      join(config.searches));
}

}  // namespace

DnsConfig parseResolvConf(std::string_view text) {
  DnsConfig out;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    auto parts = words(line.substr(0, line.find_first_of("#;")));
    if (parts.size() < 2) continue;
    std::vector<std::string> values(parts.begin() + 1, parts.end());
    if (parts[0] == "nameserver") {
      out.servers.push_back(values[0]);
    } else if (parts[0] == "search") {
      out.searches.clear();
      for (auto& value : values) {
        if (value.size() > 1 && value.back() == '.') value.pop_back();
        out.searches.push_back(value);
      }
    } else if (parts[0] == "options") {
      for (const auto& value : values) addOnce(out.options, value);
    }
  }
  return out;
}

PodDns podDns(const api::core::v1::Pod& pod, const DnsSettings& settings) {
  PodDns out;
  std::string policy = pod.spec.dnsPolicy;
  bool cluster =
      policy == "ClusterFirstWithHostNet" || (policy == "ClusterFirst" && !pod.spec.hostNetwork);
  if (cluster && settings.clusterDns.empty()) {
    out.missingClusterDns = true;
    cluster = false;
  }
  if (cluster) {
    out.config.servers = settings.clusterDns;
    out.config.searches = clusterSearches(pod.metadata.namespace_, settings.clusterDomain);
    for (const auto& search : settings.host.searches) addOnce(out.config.searches, search);
    out.config.options = {"ndots:5"};
  } else if (policy != "None") {
    out.config = settings.host;
  }
  if (pod.spec.dnsConfig) {
    for (const auto& server : pod.spec.dnsConfig->nameservers) {
      addOnce(out.config.servers, server);
    }
    for (const auto& search : pod.spec.dnsConfig->searches) addOnce(out.config.searches, search);
    mergeOptions(out.config.options, *pod.spec.dnsConfig);
  }
  out.warning = limitSearches(out.config);
  auto servers = limitServers(out.config);
  if (!servers.empty()) out.warning = servers;
  return out;
}

}  // namespace coxswain::kubelet
