#include "kubelet/config/configuration.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <functional>
#include <map>

#include "api/codec/value.h"
#include "api/gen/core_v1.h"
#include "api/meta/time.h"
#include "api/yaml/yaml.h"

namespace coxswain::kubelet {
namespace {

using boost::json::value;

Status wrong(std::string_view field, std::string_view want) {
  return badRequest(fmt::format("{}: must be {}", field, want));
}

/// Reads one field. `field` is its path, for texts.
using Reader = std::function<Status(const std::string& field, const value& from)>;

Reader text(std::string& to) {
  return [&to](const std::string& field, const value& from) {
    if (!from.is_string()) return wrong(field, "a string");
    to = from.as_string();
    return Status();
  };
}

Reader flag(bool& to) {
  return [&to](const std::string& field, const value& from) {
    if (!from.is_bool()) return wrong(field, "true or false");
    to = from.as_bool();
    return Status();
  };
}

template <typename T>
Reader number(T& to, int64_t min, int64_t max) {
  return [&to, min, max](const std::string& field, const value& from) {
    if (!from.is_int64() || from.as_int64() < min || from.as_int64() > max) {
      return wrong(field, fmt::format("a number from {} to {}", min, max));
    }
    to = static_cast<T>(from.as_int64());
    return Status();
  };
}

Reader duration(Duration& to) {
  return [&to](const std::string& field, const value& from) {
    if (!from.is_string()) return wrong(field, "a duration such as \"10s\"");
    auto parsed = api::GoDuration::parse(std::string_view(from.as_string()));
    if (!parsed.ok() || parsed->nanos < 0) return wrong(field, "a duration such as \"10s\"");
    to = parsed->duration();
    return Status();
  };
}

Reader texts(std::vector<std::string>& to) {
  return [&to](const std::string& field, const value& from) {
    if (!from.is_array()) return wrong(field, "a list of strings");
    std::vector<std::string> out;
    for (const auto& item : from.as_array()) {
      if (!item.is_string()) return wrong(field, "a list of strings");
      out.emplace_back(item.as_string());
    }
    to = std::move(out);
    return Status();
  };
}

using TextMap = std::map<std::string, std::string>;

Result<TextMap> textMap(const std::string& field, const value& from) {
  if (!from.is_object()) return wrong(field, "a map of strings");
  TextMap out;
  for (const auto& [key, item] : from.as_object()) {
    if (!item.is_string()) return wrong(field + "." + std::string(key), "a string");
    out[std::string(key)] = item.as_string();
  }
  return out;
}

Reader resources(api::ResourceList& to) {
  return [&to](const std::string& field, const value& from) {
    TRY(auto map, textMap(field, from));
    api::ResourceList out;
    for (const auto& [name, amount] : map) {
      auto quantity = api::Quantity::parse(amount);
      if (!quantity.ok()) return wrong(field + "." + name, "a quantity");
      out[name] = *quantity;
    }
    to = std::move(out);
    return Status();
  };
}

/// A quantity as a number of bytes.
Reader byteCount(int64_t& to) {
  return [&to](const std::string& field, const value& from) {
    auto quantity = from.is_string() ? api::Quantity::parse(std::string_view(from.as_string()))
                                     : Result<api::Quantity>(badRequest(""));
    if (!quantity.ok()) return wrong(field, "a quantity");
    to = quantity->value();
    return Status();
  };
}

/// Only signals that this kubelet watches.
Reader evictionHard(TextMap& to) {
  return [&to](const std::string& field, const value& from) {
    TRY(auto map, textMap(field, from));
    for (const auto& [signal, threshold] : map) {
      if (signal != "memory.available" && signal != "nodefs.available" &&
          signal != "nodefs.inodesFree") {
        return badRequest(field + "." + signal + ": signal is not supported");
      }
    }
    to = std::move(map);
    return Status();
  };
}

/// An enumeration with what of it this kubelet does.
Reader oneOf(std::string& to, std::vector<std::string> allowed) {
  return [&to, allowed = std::move(allowed)](const std::string& field, const value& from) {
    if (!from.is_string()) return wrong(field, "a string");
    for (const auto& name : allowed) {
      if (name != std::string_view(from.as_string())) continue;
      to = name;
      return Status();
    }
    return badRequest(fmt::format("{}: \"{}\" is not supported; one of: {}", field,
                                  std::string_view(from.as_string()), fmt::join(allowed, ", ")));
  };
}

using Fields = std::map<std::string, Reader, std::less<>>;

Status readObject(const std::string& path, const value& from, const Fields& fields) {
  if (!from.is_object()) return wrong(path.empty() ? "KubeletConfiguration" : path, "a map");
  for (const auto& [key, item] : from.as_object()) {
    std::string field = path.empty() ? std::string(key) : path + "." + std::string(key);
    auto found = fields.find(std::string_view(key));
    if (found == fields.end()) return badRequest(fmt::format("unknown field \"{}\"", field));
    if (item.is_null()) continue;
    TRY_STATUS(found->second(field, item));
  }
  return {};
}

Reader nested(Fields fields) {
  return [fields = std::move(fields)](const std::string& field, const value& from) {
    return readObject(field, from, fields);
  };
}

Reader taints(std::vector<api::core::v1::Taint>& to) {
  return [&to](const std::string& field, const value& from) {
    if (!from.is_array()) return wrong(field, "a list of taints");
    std::vector<api::core::v1::Taint> out;
    for (const auto& item : from.as_array()) {
      auto taint = api::decodeValue<api::core::v1::Taint>(item);
      if (!taint.ok()) return taint.status().withContext(field);
      out.push_back(std::move(*taint));
    }
    to = std::move(out);
    return Status();
  };
}

Fields fieldsOf(KubeletConfiguration& c, std::string& ignoredVersion) {
  auto& k = c.kubelet;
  auto& s = c.server;
  constexpr int64_t kMany = int64_t{1} << 31;
  return {
      {"apiVersion", text(ignoredVersion)},
      {"kind", text(ignoredVersion)},
      {"address", text(s.address)},
      {"port", number(s.port, 1, 65535)},
      {"tlsCertFile", text(s.tlsCertFile)},
      {"tlsPrivateKeyFile", text(s.tlsPrivateKeyFile)},
      {"healthzPort", number(s.healthzPort, 0, 65535)},
      {"healthzBindAddress", text(s.healthzBindAddress)},
      {"authentication", nested({{"anonymous", nested({{"enabled", flag(s.anonymous)}})},
                                 {"webhook", nested({{"enabled", flag(s.webhookAuthentication)}})},
                                 {"x509", nested({{"clientCAFile", text(s.clientCaFile)}})}})},
      {"authorization", nested({{"mode", oneOf(s.authorizationMode, {"Webhook", "AlwaysAllow"})}})},
      {"registerNode", flag(k.registerNode)},
      {"registerWithTaints", taints(k.registerWithTaints)},
      {"providerID", text(k.providerId)},
      {"maxPods", number(k.maxPods, 1, kMany)},
      {"podPidsLimit", number(k.podPidsLimit, -1, kMany)},
      {"kubeReserved", resources(k.kubeReserved)},
      {"systemReserved", resources(k.systemReserved)},
      {"evictionHard", evictionHard(k.evictionHard)},
      {"nodeStatusUpdateFrequency", duration(k.nodeStatusUpdateFrequency)},
      {"nodeStatusReportFrequency", duration(k.nodeStatusReportFrequency)},
      {"nodeLeaseDurationSeconds", number(k.nodeLeaseDurationSeconds, 4, kMany)},
      {"podLogsDir", text(k.podLogsDir)},
      {"staticPodPath", text(k.staticPodPath)},
      {"fileCheckFrequency", duration(k.fileCheckFrequency)},
      {"syncFrequency", duration(k.syncFrequency)},
      {"clusterDNS", texts(k.clusterDns)},
      {"clusterDomain", text(k.clusterDomain)},
      {"resolvConf", text(k.resolvConf)},
      {"cgroupsPerQOS", flag(k.cgroupsPerQos)},
      {"cgroupRoot", text(k.cgroupRoot)},
      {"cgroupDriver", oneOf(k.cgroupDriver, {"cgroupfs"})},
      {"cpuCFSQuota", flag(k.cpuCfsQuota)},
      {"cpuCFSQuotaPeriod", duration(k.cpuCfsQuotaPeriod)},
      {"seccompDefault", flag(k.seccompDefault)},
      {"serializeImagePulls", flag(k.serializeImagePulls)},
      {"maxParallelImagePulls", number(k.maxParallelImagePulls, 0, kMany)},
      {"registryPullQPS", number(k.registryPullQps, 0, kMany)},
      {"registryBurst", number(k.registryBurst, 1, kMany)},
      {"imageGCHighThresholdPercent", number(k.imageGcHighThresholdPercent, 0, 100)},
      {"imageGCLowThresholdPercent", number(k.imageGcLowThresholdPercent, 0, 100)},
      {"imageMinimumGCAge", duration(k.imageMinimumGcAge)},
      {"containerLogMaxSize", byteCount(k.containerLogMaxBytes)},
      {"containerLogMaxFiles", number(k.containerLogMaxFiles, 2, kMany)},
      {"containerLogMonitorInterval", duration(k.containerLogMonitorInterval)},
      {"crashLoopBackOff",
       nested({{"maxContainerRestartPeriod", duration(k.crashLoopBackOffMax)}})},
      {"containerRuntimeEndpoint", text(c.containerRuntimeEndpoint)},
      {"imageServiceEndpoint", text(c.imageServiceEndpoint)},
      {"runtimeRequestTimeout", duration(c.runtimeRequestTimeout)},
  };
}

std::string_view textAt(const value& from, std::string_view key) {
  const auto* item = from.as_object().if_contains(key);
  return item && item->is_string() ? std::string_view(item->as_string()) : std::string_view();
}

}  // namespace

Status readConfiguration(std::string_view yaml, KubeletConfiguration& configuration) {
  api::YamlOptions strict;
  strict.strict = true;
  strict.bytesMax = 1 << 20;
  TRY(auto parsed, api::yamlToValue(yaml, strict));
  if (!parsed.is_object()) return badRequest("KubeletConfiguration: must be a map");
  if (textAt(parsed, "apiVersion") != "kubelet.config.k8s.io/v1beta1" ||
      textAt(parsed, "kind") != "KubeletConfiguration") {
    return badRequest(
        "a kubelet reads kind KubeletConfiguration of kubelet.config.k8s.io/v1beta1 only");
  }
  std::string ignored;
  TRY_STATUS(readObject("", parsed, fieldsOf(configuration, ignored)));
  configuration.kubelet.port = configuration.server.port;
  if (configuration.kubelet.crashLoopBackOffMax < 1s ||
      configuration.kubelet.crashLoopBackOffMax > 300s) {
    return wrong("crashLoopBackOff.maxContainerRestartPeriod", "between \"1s\" and \"300s\"");
  }
  if (configuration.kubelet.containerLogMonitorInterval < 3s) {
    return wrong("containerLogMonitorInterval", "3s or more");
  }
  if (configuration.kubelet.syncFrequency < 1s) return wrong("syncFrequency", "1s or more");
  if (configuration.kubelet.nodeStatusUpdateFrequency < 1s) {
    return wrong("nodeStatusUpdateFrequency", "1s or more");
  }
  return {};
}

Result<std::vector<std::pair<std::string, std::string>>> parsePairs(std::string_view list) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!list.empty()) {
    auto end = std::min(list.find(','), list.size());
    auto item = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    auto equal = item.find('=');
    if (equal == std::string_view::npos || equal == 0) {
      return badRequest(fmt::format("\"{}\" is not key=value", item));
    }
    out.emplace_back(item.substr(0, equal), item.substr(equal + 1));
  }
  return out;
}

Result<api::ResourceList> parseResourceList(std::string_view list) {
  TRY(auto pairs, parsePairs(list));
  api::ResourceList out;
  for (const auto& [name, amount] : pairs) {
    TRY(auto quantity, api::Quantity::parse(amount));
    out[name] = quantity;
  }
  return out;
}

Result<std::vector<api::core::v1::Taint>> parseTaints(std::string_view list) {
  std::vector<api::core::v1::Taint> out;
  while (!list.empty()) {
    auto end = std::min(list.find(','), list.size());
    auto item = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    auto colon = item.rfind(':');
    if (colon == std::string_view::npos || colon == 0) {
      return badRequest(fmt::format("taint \"{}\" is not key=value:effect", item));
    }
    auto& taint = out.emplace_back();
    taint.effect = std::string(item.substr(colon + 1));
    if (taint.effect != "NoSchedule" && taint.effect != "PreferNoSchedule" &&
        taint.effect != "NoExecute") {
      return badRequest(
          fmt::format("invalid taint effect: {}, unsupported taint effect", taint.effect));
    }
    auto key = item.substr(0, colon);
    auto equal = key.find('=');
    taint.key = std::string(key.substr(0, equal));
    if (equal != std::string_view::npos) taint.value = std::string(key.substr(equal + 1));
  }
  return out;
}

std::string configurationJson(const KubeletOptions& o) {
  auto text = [](Duration d) { return api::GoDuration(d).str(); };
  boost::json::object config;
  config["kind"] = "KubeletConfiguration";
  config["apiVersion"] = "kubelet.config.k8s.io/v1beta1";
  config["port"] = o.port;
  config["registerNode"] = o.registerNode;
  config["maxPods"] = o.maxPods;
  config["podPidsLimit"] = o.podPidsLimit;
  config["nodeStatusUpdateFrequency"] = text(o.nodeStatusUpdateFrequency);
  config["nodeStatusReportFrequency"] = text(o.nodeStatusReportFrequency);
  config["nodeLeaseDurationSeconds"] = o.nodeLeaseDurationSeconds;
  config["podLogsDir"] = o.podLogsDir;
  config["staticPodPath"] = o.staticPodPath;
  config["fileCheckFrequency"] = text(o.fileCheckFrequency);
  config["syncFrequency"] = text(o.syncFrequency);
  config["clusterDNS"] = boost::json::value_from(o.clusterDns);
  config["clusterDomain"] = o.clusterDomain;
  config["resolvConf"] = o.resolvConf;
  config["cgroupsPerQOS"] = o.cgroupsPerQos;
  config["cgroupRoot"] = o.cgroupRoot;
  config["cgroupDriver"] = o.cgroupDriver;
  config["cpuCFSQuota"] = o.cpuCfsQuota;
  config["cpuCFSQuotaPeriod"] = text(o.cpuCfsQuotaPeriod);
  config["seccompDefault"] = o.seccompDefault;
  config["serializeImagePulls"] = o.serializeImagePulls;
  config["registryPullQPS"] = static_cast<int64_t>(o.registryPullQps);
  config["registryBurst"] = o.registryBurst;
  config["imageGCHighThresholdPercent"] = o.imageGcHighThresholdPercent;
  config["imageGCLowThresholdPercent"] = o.imageGcLowThresholdPercent;
  config["imageMinimumGCAge"] = text(o.imageMinimumGcAge);
  config["containerLogMaxSize"] = std::to_string(o.containerLogMaxBytes);
  config["containerLogMaxFiles"] = o.containerLogMaxFiles;
  config["containerLogMonitorInterval"] = text(o.containerLogMonitorInterval);
  boost::json::object eviction;
  for (const auto& [signal, threshold] : o.evictionHard) eviction[signal] = threshold;
  config["evictionHard"] = std::move(eviction);
  boost::json::object all;
  all["kubeletconfig"] = std::move(config);
  return api::writeJsonValue(all);
}

}  // namespace coxswain::kubelet
