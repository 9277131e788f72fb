#include "kubelet/env/field_ref.h"

#include <array>
#include <cmath>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/resources.h"
#include "api/names/quote.h"
#include "kubelet/env/references.h"

namespace coxswain::kubelet {

using api::core::v1::Container;
using api::core::v1::Pod;

namespace {

std::string formatMap(const api::Map<std::string>& map) {
  std::string out;
  for (const auto& [key, value] : map) {
    if (!out.empty()) out += '\n';
    out += key + "=" + api::goQuote(value);
  }
  return out;
}

std::string join(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += ',';
    out += item;
  }
  return out;
}

/// "metadata.labels['x']" in its halves; no subscript: an empty optional.
std::pair<std::string_view, std::optional<std::string>> splitSubscript(std::string_view path) {
  const size_t open = path.find("['");
  if (open == std::string_view::npos || !path.ends_with("']")) return {path, std::nullopt};
  return {path.substr(0, open), std::string(path.substr(open + 2, path.size() - open - 4))};
}

int64_t dividedUp(double value, double divisor) {
  return static_cast<int64_t>(std::ceil(value / divisor));
}

/// Limits of a container; what a pod may overcommit and has no limit is the node's allocatable.
api::Quantity limitOf(const Container& container, std::string_view resource,
                      const EnvironmentFacts& facts) {
  const auto* limit = container.resources.limits.get(resource);
  if (limit != nullptr && (!limit->isZero() || api::isHugePages(resource))) return *limit;
  if (api::isHugePages(resource)) return {};
  const auto* allocatable = facts.nodeAllocatable.get(resource);
  return allocatable ? *allocatable : api::Quantity();
}

api::Quantity requestOf(const Container& container, std::string_view resource) {
  const auto* request = container.resources.requests.get(resource);
  return request ? *request : api::Quantity();
}

}  // namespace

Result<std::string> podFieldValue(const Pod& pod, std::string_view path,
                                  const EnvironmentFacts& facts) {
  const auto [name, subscript] = splitSubscript(path);
  if (subscript) {
    const bool labels = name == "metadata.labels";
    if (!labels && name != "metadata.annotations") {
      return badRequest("fieldPath " + api::goQuote(path) + " does not support subscript");
    }
    const auto& map = labels ? pod.metadata.labels : pod.metadata.annotations;
    const auto* value = map.get(*subscript);
    return value ? *value : std::string();
  }
  if (name == "metadata.name") return pod.metadata.name;
  if (name == "metadata.namespace") return pod.metadata.namespace_;
  if (name == "metadata.uid") return pod.metadata.uid;
  if (name == "metadata.labels") return formatMap(pod.metadata.labels);
  if (name == "metadata.annotations") return formatMap(pod.metadata.annotations);
  if (name == "spec.nodeName") return pod.spec.nodeName;
  if (name == "spec.serviceAccountName") return pod.spec.serviceAccountName;
  if (name == "status.hostIP") return facts.hostIP;
  if (name == "status.hostIPs") return join(facts.hostIPs);
  if (name == "status.podIP") return facts.podIP;
  if (name == "status.podIPs") return join(facts.podIPs);
  return badRequest("unsupported fieldPath: " + std::string(path));
}

Result<std::string> resourceFieldValue(const Pod& pod, const Container* container,
                                       const api::core::v1::ResourceFieldSelector& selector,
                                       const EnvironmentFacts& facts) {
  if (!selector.containerName.empty()) container = findContainer(pod, selector.containerName);
  if (container == nullptr) {
    return badRequest("container " + selector.containerName + " not found");
  }
  const std::string_view full = selector.resource;
  const size_t dot = full.find('.');
  const std::string_view side = full.substr(0, dot);
  const std::string_view resource = dot == std::string_view::npos ? "" : full.substr(dot + 1);
  const bool limits = side == "limits";
  const bool known = resource == "cpu" || resource == "memory" || resource == "ephemeral-storage" ||
                     api::isHugePages(resource);
  if (!known || (!limits && side != "requests")) {
    return badRequest("unsupported container resource : " + std::string(full));
  }
  const api::Quantity value =
      limits ? limitOf(*container, resource, facts) : requestOf(*container, resource);
  const api::Quantity divisor =
      selector.divisor.sign() > 0 ? selector.divisor : api::Quantity::fromInt(1);
  const int64_t result = resource == "cpu" ? dividedUp(static_cast<double>(value.milliValue()),
                                                       static_cast<double>(divisor.milliValue()))
                                           : dividedUp(static_cast<double>(value.value()),
                                                       static_cast<double>(divisor.value()));
  return std::to_string(result);
}

}  // namespace coxswain::kubelet
