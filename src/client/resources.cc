#include "client/resources.h"

#include "api/gen/admissionregistration_v1.h"
#include "api/gen/apiextensions_v1.h"
#include "api/gen/apiregistration_v1.h"
#include "api/gen/apiserverinternal_v1alpha1.h"
#include "api/gen/apps_v1.h"
#include "api/gen/authentication_v1.h"
#include "api/gen/authorization_v1.h"
#include "api/gen/autoscaling_v1.h"
#include "api/gen/autoscaling_v2.h"
#include "api/gen/batch_v1.h"
#include "api/gen/certificates_v1.h"
#include "api/gen/certificates_v1beta1.h"
#include "api/gen/coordination_v1.h"
#include "api/gen/coordination_v1beta1.h"
#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/events_v1.h"
#include "api/gen/flowcontrol_v1.h"
#include "api/gen/networking_v1.h"
#include "api/gen/node_v1.h"
#include "api/gen/policy_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/resource_v1.h"
#include "api/gen/resource_v1alpha3.h"
#include "api/gen/resource_v1beta2.h"
#include "api/gen/scheduling_v1.h"
#include "api/gen/scheduling_v1alpha2.h"
#include "api/gen/storage_v1.h"
#include "api/gen/storagemigration_v1beta1.h"

namespace coxswain::client {

namespace {
#define COXSWAIN_RESOURCE_ROW(ns, kind, group, version, plural, namespaced) \
  {group, version, plural, namespaced, &::coxswain::api::ns::kind::kInfo},
const ResourceType kResources[] = {COXSWAIN_RESOURCES(COXSWAIN_RESOURCE_ROW)};
#undef COXSWAIN_RESOURCE_ROW

const ResourceType& row(std::string_view group, std::string_view version, std::string_view plural) {
  return *findResourceByPlural(group, version, plural);
}
}  // namespace

#define COXSWAIN_RESOURCE_OF(ns, kind, group, version, plural, namespaced) \
  template <>                                                              \
  const ResourceType& resourceOf<::coxswain::api::ns::kind>() {            \
    static const ResourceType& kRow = row(group, version, plural);         \
    return kRow;                                                           \
  }
COXSWAIN_RESOURCES(COXSWAIN_RESOURCE_OF)
#undef COXSWAIN_RESOURCE_OF

std::span<const ResourceType> allResources() {
  return kResources;
}

const ResourceType* findResource(std::string_view group, std::string_view version,
                                 std::string_view kind) {
  for (const auto& r : kResources) {
    if (r.group == group && (version.empty() || r.version == version) && r.kind->name == kind) {
      return &r;
    }
  }
  return nullptr;
}

const ResourceType* findResourceByPlural(std::string_view group, std::string_view version,
                                         std::string_view plural) {
  for (const auto& r : kResources) {
    if (r.group == group && (version.empty() || r.version == version) && r.plural == plural) {
      return &r;
    }
  }
  return nullptr;
}

std::string apiVersionOf(const ResourceType& type) {
  if (type.group.empty()) return std::string(type.version);
  return std::string(type.group) + "/" + std::string(type.version);
}

std::string qualifiedName(const ResourceType& type) {
  if (type.group.empty()) return std::string(type.plural);
  return std::string(type.plural) + "." + std::string(type.group);
}

}  // namespace coxswain::client
