#include "controllers/framework/services.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/framework/indices.h"

namespace coxswain::controllers {

using api::core::v1::Pod;
using api::core::v1::Service;

static bool selects(const Service& service, const Pod& pod) {
  if (service.spec.selector.empty()) return false;
  const auto& labels = pod.metadata.labels;
  return std::all_of(service.spec.selector.begin(), service.spec.selector.end(),
                     [&labels](const auto& wanted) {
                       const auto* value = labels.get(wanted.first);
                       return value != nullptr && *value == wanted.second;
                     });
}

std::set<std::string> servicesOfPod(const client::Informer& services, const Pod* before,
                                    const Pod* after) {
  std::set<std::string> keys;
  const auto& ns = (after != nullptr ? after : before)->metadata.namespace_;
  for (const auto& object : services.byIndex(kByNamespace, ns)) {
    const auto& service = *object.as<Service>();
    const bool matches = (before != nullptr && selects(service, *before)) ||
                         (after != nullptr && selects(service, *after));
    if (matches) keys.insert(client::objectKey(object));
  }
  return keys;
}

std::vector<std::shared_ptr<const Pod>> podsOfService(const client::Informer& pods,
                                                      const Service& service) {
  std::vector<std::shared_ptr<const Pod>> found;
  if (service.spec.selector.empty()) return found;
  for (const auto& object : pods.byIndex(kByNamespace, service.metadata.namespace_)) {
    auto pod = object.sharedAs<Pod>();
    if (selects(service, *pod)) found.push_back(std::move(pod));
  }
  return found;
}

}  // namespace coxswain::controllers
