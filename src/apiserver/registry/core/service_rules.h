#pragma once

#include "api/names/field_error.h"

namespace coxswain::api::core::v1 {
struct Service;
struct ServiceSpec;
}  // namespace coxswain::api::core::v1

namespace coxswain::apiserver {

/// NodePort, LoadBalancer, or ClusterIP with externalIPs.
bool isExternallyReachable(const api::core::v1::ServiceSpec& spec);
/// LoadBalancer with externalTrafficPolicy Local: has a healthCheckNodePort.
bool needsHealthCheck(const api::core::v1::ServiceSpec& spec);

/// All rules of a service but those of its metadata and of allocation (whether an address or node
/// port is free, which families the cluster has). `current`: null for a create; addresses that it
/// had may be sloppy.
void validateService(const api::core::v1::Service& service, const api::core::v1::Service* current,
                     api::FieldErrors& errors);
void validateServiceUpdate(const api::core::v1::Service& next,
                           const api::core::v1::Service& current, api::FieldErrors& errors);
void validateLoadBalancerStatus(const api::core::v1::Service& next,
                                const api::core::v1::Service& current, api::FieldErrors& errors);

}  // namespace coxswain::apiserver
