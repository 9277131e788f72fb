#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "client/client.h"

namespace coxswain::api::meta::v1 {
struct ObjectMeta;
}

namespace coxswain::controllers {

/// The body of a merge patch that makes these the finalizers, and is refused when the object has
/// changed since.
std::string finalizersPatch(const api::meta::v1::ObjectMeta& object,
                            const std::vector<std::string>& finalizers);

/// Adds or removes one; no write where it is so already. Success where the object is gone or
/// another one; Conflict where it has changed.
Task<Status> setFinalizer(client::Client& client, const client::ResourceType& type,
                          api::ConstObject object, std::string finalizer, bool present,
                          std::stop_token stop);

/// The same by an update of the whole object, for who may not patch.
Task<Status> updateFinalizer(client::Client& client, const client::ResourceType& type,
                             api::ConstObject object, std::string finalizer, bool present,
                             std::stop_token stop);

}  // namespace coxswain::controllers
