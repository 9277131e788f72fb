#include "cmd/proxy_config.h"

#include <boost/json/value.hpp>
#include <functional>
#include <map>

#include "api/meta/time.h"
#include "api/yaml/yaml.h"

namespace coxswain::cmd {

namespace {

namespace json = boost::json;
using Reader = std::function<Status(const json::value&)>;

Status wrongType(std::string_view path, std::string_view wanted) {
  return badRequest(std::string(path) + ": must be " + std::string(wanted));
}

Reader text(std::string path, std::string& into) {
  return [path, &into](const json::value& value) -> Status {
    if (!value.is_string()) return wrongType(path, "a string");
    into = std::string(value.as_string());
    return {};
  };
}

Reader flag(std::string path, bool& into) {
  return [path, &into](const json::value& value) -> Status {
    if (!value.is_bool()) return wrongType(path, "true or false");
    into = value.as_bool();
    return {};
  };
}

Reader texts(std::string path, std::vector<std::string>& into) {
  return [path, &into](const json::value& value) -> Status {
    if (!value.is_array()) return wrongType(path, "a list of strings");
    into.clear();
    for (const auto& element : value.as_array()) {
      if (!element.is_string()) return wrongType(path, "a list of strings");
      into.emplace_back(element.as_string());
    }
    return {};
  };
}

Reader duration(std::string path, Duration& into) {
  return [path, &into](const json::value& value) -> Status {
    if (!value.is_string()) return wrongType(path, "a duration such as 1s");
    TRY(auto parsed, api::GoDuration::parse(std::string(value.as_string())));
    into = parsed.duration();
    return {};
  };
}

/// "10.0.0.0/8,fd00::/64".
std::vector<std::string> splitCommas(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (comma != 0) out.emplace_back(list.substr(0, comma));
    list = comma == std::string_view::npos ? "" : list.substr(comma + 1);
  }
  return out;
}

Reader commaList(std::string path, std::vector<std::string>& into) {
  return [path, &into](const json::value& value) -> Status {
    if (!value.is_string()) return wrongType(path, "a string");
    into = splitCommas(std::string_view(value.as_string()));
    return {};
  };
}

Reader only(std::string path, std::string allowed) {
  return [path, allowed](const json::value& value) -> Status {
    if (value.is_string() && value.as_string() == allowed) return {};
    return badRequest(path + ": only \"" + allowed + "\" is supported");
  };
}

/// False, zero, empty: what a field means that is not there.
bool saysNothing(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return true;
    case json::kind::bool_:
      return !value.get_bool();
    case json::kind::int64:
      return value.get_int64() == 0;
    case json::kind::uint64:
      return value.get_uint64() == 0;
    case json::kind::double_:
      return value.get_double() == 0;
    case json::kind::string:
      return value.get_string().empty() || value.get_string() == "0s" || value.get_string() == "0";
    case json::kind::array:
      return value.get_array().empty();
    case json::kind::object:
      for (const auto& member : value.get_object()) {
        if (!saysNothing(member.value())) return false;
      }
      return true;
  }
  return false;
}

using Readers = std::map<std::string, Reader, std::less<>>;

Status readMembers(const json::value& value, const std::string& prefix, const Readers& readers) {
  if (!value.is_object()) return wrongType(prefix.empty() ? "configuration" : prefix, "a mapping");
  for (const auto& member : value.as_object()) {
    const auto path = prefix + std::string(member.key());
    auto found = readers.find(std::string_view(member.key()));
    if (saysNothing(member.value())) continue;
    if (found == readers.end()) return badRequest(path + ": this proxy has no such setting");
    TRY_STATUS(found->second(member.value()));
  }
  return {};
}

Reader section(std::string path, Readers readers) {
  return [path, readers = std::move(readers)](const json::value& value) {
    return readMembers(value, path + ".", readers);
  };
}

}  // namespace

Status readProxyConfig(std::string_view yaml, ProxySettings& settings) {
  TRY(auto document, api::yamlToValue(yaml));
  auto& options = settings.options;
  Readers readers{
      {"apiVersion", only("apiVersion", "kubeproxy.config.k8s.io/v1alpha1")},
      {"kind", only("kind", "KubeProxyConfiguration")},
      {"bindAddress", text("bindAddress", settings.bindAddress)},
      {"healthzBindAddress", text("healthzBindAddress", options.healthzAddress)},
      {"metricsBindAddress", text("metricsBindAddress", options.metricsAddress)},
      {"hostnameOverride", text("hostnameOverride", options.nodeName)},
      {"clusterCIDR", commaList("clusterCIDR", options.clusterCidrs)},
      {"mode", text("mode", settings.mode)},
      {"nodePortAddresses", texts("nodePortAddresses", options.nodePortAddresses)},
      {"detectLocalMode", only("detectLocalMode", "ClusterCIDR")},
      {"clientConnection",
       section("clientConnection",
               {{"kubeconfig", text("clientConnection.kubeconfig", settings.kubeconfig)}})},
      {"nftables",
       section("nftables",
               {{"masqueradeAll", flag("nftables.masqueradeAll", options.masqueradeAll)},
                {"minSyncPeriod", duration("nftables.minSyncPeriod", options.minSyncPeriod)}})},
  };
  return readMembers(document, "", readers);
}

Status checkProxyMode(std::string_view mode) {
  if (mode.empty() || mode == "nftables") return {};
  return badRequest("proxy mode \"" + std::string(mode) + "\": only nftables is supported");
}

}  // namespace coxswain::cmd
