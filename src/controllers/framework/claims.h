#pragma once

#include <stop_token>
#include <string>

#include "api/reflect/object.h"
#include "api/select/labels.h"
#include "client/client.h"

namespace coxswain::api::meta::v1 {
struct ObjectMeta;
}

namespace coxswain::controllers {

/// The body that makes `owner` the controller of the object with this uid, and adds `finalizer`.
std::string adoptionPatch(const api::meta::v1::ObjectMeta& owner, const api::KindInfo& ownerKind,
                          const std::string& uid, std::string_view finalizer = {});
/// The body that removes the owner with uid `ownerUid`, and `finalizer`.
std::string releasePatch(const std::string& ownerUid, const std::string& uid,
                         std::string_view finalizer = {});

/// What an owner does about an object that may be its own.
enum class Claim : uint8_t { Ignore, Keep, Adopt, Release };
Claim decideClaim(const api::meta::v1::ObjectMeta& owner, const api::LabelSelector& selector,
                  const api::meta::v1::ObjectMeta& object);

/// Carries out claims of one owner. Lives in the frame of a reconcile.
/// Upstream: pkg/controller/controller_ref_manager.go.
class Claimer {
 public:
  /// `owner` is of `ownerType` and outlives this. What it owns has `finalizer`, a constant; empty:
  /// none.
  Claimer(client::Client& client, const client::ResourceType& ownerType,
          const api::meta::v1::ObjectMeta& owner, const api::LabelSelector& selector,
          std::string_view finalizer = {});

  /// True: the object is the owner's (now). Adopting asks the server first whether the owner is
  /// still there.
  Task<Result<bool>> claim(const client::ResourceType& type, const api::ConstObject& object,
                           std::stop_token stop);

 private:
  Task<Status> mayAdopt(std::stop_token stop);

  client::Client& client_;
  const client::ResourceType& ownerType_;
  const api::meta::v1::ObjectMeta& owner_;
  const api::LabelSelector& selector_;
  std::string_view finalizer_;
  bool asked_ = false;
  Status mayAdopt_;
};

}  // namespace coxswain::controllers
