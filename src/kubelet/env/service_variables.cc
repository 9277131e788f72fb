#include "kubelet/env/service_variables.h"

#include <algorithm>
#include <cctype>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/text.h"

namespace coxswain::kubelet {
namespace {

std::string variableName(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return out;
}

}  // namespace

void addServiceVariables(const api::core::v1::Service& service, EnvironmentMap& variables) {
  if (service.spec.ports.empty()) return;
  const std::string name = variableName(service.metadata.name);
  const std::string& host = service.spec.clusterIP;
  const std::string shownHost = host.find(':') == std::string::npos ? host : "[" + host + "]";
  variables[name + "_SERVICE_HOST"] = host;
  variables[name + "_SERVICE_PORT"] = std::to_string(service.spec.ports.front().port);
  bool first = true;
  for (const auto& port : service.spec.ports) {
    const std::string number = std::to_string(port.port);
    const std::string protocol = port.protocol.empty() ? "TCP" : port.protocol;
    const std::string url = lowerCase(protocol) + "://" + shownHost + ":" + number;
    if (!port.name.empty()) variables[name + "_SERVICE_PORT_" + variableName(port.name)] = number;
    if (first) variables[name + "_PORT"] = url;
    first = false;
    std::string upper = protocol;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const std::string prefix = name + "_PORT_" + number + "_" + upper;
    variables[prefix] = url;
    variables[prefix + "_PROTO"] = lowerCase(protocol);
    variables[prefix + "_PORT"] = number;
    variables[prefix + "_ADDR"] = host;
  }
}

}  // namespace coxswain::kubelet
