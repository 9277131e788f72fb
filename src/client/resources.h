#pragma once

#include <span>
#include <string_view>

#include "client/client.h"
#include "client/resource_table.h"

// Declares every kind of the table; include its generated header to use one.
#define COXSWAIN_RESOURCE_FORWARD(ns, kind, group, version, plural, namespaced) \
  namespace coxswain::api::ns {                                                 \
  struct kind;                                                                  \
  }
COXSWAIN_RESOURCES(COXSWAIN_RESOURCE_FORWARD)
#undef COXSWAIN_RESOURCE_FORWARD

namespace coxswain::client {

#define COXSWAIN_RESOURCE_OF(ns, kind, group, version, plural, namespaced) \
  template <>                                                              \
  const ResourceType& resourceOf<::coxswain::api::ns::kind>();
COXSWAIN_RESOURCES(COXSWAIN_RESOURCE_OF)
#undef COXSWAIN_RESOURCE_OF

/// All of the table.
std::span<const ResourceType> allResources();
/// By kind; null: not in the table. An empty version finds the first one of the group.
const ResourceType* findResource(std::string_view group, std::string_view version,
                                 std::string_view kind);
const ResourceType* findResourceByPlural(std::string_view group, std::string_view version,
                                         std::string_view plural);
/// "v1", "apps/v1".
std::string apiVersionOf(const ResourceType& type);
/// "pods", "deployments.apps": as texts of errors name it.
std::string qualifiedName(const ResourceType& type);

}  // namespace coxswain::client
