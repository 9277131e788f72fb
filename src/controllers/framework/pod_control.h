#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "client/client.h"
#include "client/event_recorder.h"

namespace coxswain::api::core::v1 {
struct Pod;
struct PodTemplateSpec;
}  // namespace coxswain::api::core::v1

namespace coxswain::controllers {

/// A pod as `owner` makes it from its template: generateName, labels, annotations, finalizers and
/// the controller reference. `owner` is an object of `ownerInfo`.
api::core::v1::Pod podFromTemplate(const api::MessageInfo& ownerInfo, const void* owner,
                                   const api::core::v1::PodTemplateSpec& templateSpec);

/// Creates a pod and tells of it in an event on the owner (SuccessfulCreate, FailedCreate).
Task<Status> createPod(client::Client& client, client::EventRecorder& events,
                       const api::MessageInfo& ownerInfo, const void* owner, api::core::v1::Pod pod,
                       std::stop_token stop);
/// Deletes a pod and tells of it (SuccessfulDelete, FailedDelete). NotFound when it was gone.
Task<Status> deletePod(client::Client& client, client::EventRecorder& events,
                       const api::MessageInfo& ownerInfo, const void* owner, std::string ns,
                       std::string name, std::stop_token stop);

/// Sets a condition that the pod has to False, and leaves the rest of its status. NotFound when it
/// is gone, Conflict when it has changed.
Task<Status> denyPodCondition(client::Client& client, std::shared_ptr<const api::core::v1::Pod> pod,
                              std::string type, WallTime now, std::stop_token stop);

/// The namespace goes away: creating in it has no use.
bool isNamespaceTerminating(const Status& status);

}  // namespace coxswain::controllers
