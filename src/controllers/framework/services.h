#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/informer.h"

namespace coxswain::api::core::v1 {
struct Pod;
struct Service;
}  // namespace coxswain::api::core::v1

namespace coxswain::controllers {

/// Keys of the services that select a pod as it was or as it is (either may be null). `services`
/// has the selector index.
std::set<std::string> servicesOfPod(const client::Informer& services,
                                    const api::core::v1::Pod* before,
                                    const api::core::v1::Pod* after);

/// Those the service's selector matches, in order of their names; none without a selector. `pods`
/// has the label index.
std::vector<std::shared_ptr<const api::core::v1::Pod>> podsOfService(
    const client::Informer& pods, const api::core::v1::Service& service);

}  // namespace coxswain::controllers
