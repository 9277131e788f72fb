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

static void addServicesOf(const client::Informer& services, const Pod& pod,
                          std::set<std::string>& keys) {
  const auto& ns = pod.metadata.namespace_;
  for (const auto& [key, value] : pod.metadata.labels) {
    for (const auto& object : services.byIndex(kBySelector, labelValue(ns, key, value))) {
      if (selects(*object.as<Service>(), pod)) keys.insert(client::objectKey(object));
    }
  }
}

std::set<std::string> servicesOfPod(const client::Informer& services, const Pod* before,
                                    const Pod* after) {
  std::set<std::string> keys;
  if (before != nullptr) addServicesOf(services, *before, keys);
  const bool same =
      before != nullptr && after != nullptr && before->metadata.labels == after->metadata.labels;
  if (after != nullptr && !same) addServicesOf(services, *after, keys);
  return keys;
}

/// The pair of the selector that the fewest pods have.
static std::string rarestPair(const client::Informer& pods, const Service& service) {
  std::string rarest;
  size_t fewest = 0;
  for (const auto& [key, value] : service.spec.selector) {
    auto pair = labelValue(service.metadata.namespace_, key, value);
    const size_t count = pods.countByIndex(kByLabel, pair);
    if (!rarest.empty() && count >= fewest) continue;
    fewest = count;
    rarest = std::move(pair);
  }
  return rarest;
}

std::vector<std::shared_ptr<const Pod>> podsOfService(const client::Informer& pods,
                                                      const Service& service) {
  std::vector<std::shared_ptr<const Pod>> found;
  if (service.spec.selector.empty()) return found;
  for (const auto& object : pods.byIndex(kByLabel, rarestPair(pods, service))) {
    auto pod = object.sharedAs<Pod>();
    if (selects(service, *pod)) found.push_back(std::move(pod));
  }
  return found;
}

}  // namespace coxswain::controllers
