#include "controllers/framework/claims.h"

#include <fmt/format.h>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "client/resources.h"

namespace coxswain::controllers {

using api::meta::v1::ObjectMeta;

// Names, uids and kinds are letters, digits, '-' and '.': no escaping is needed.

std::string adoptionPatch(const ObjectMeta& owner, const api::KindInfo& ownerKind,
                          const std::string& uid, std::string_view finalizer) {
  return fmt::format(
      R"({{"metadata":{{"ownerReferences":[{{"apiVersion":"{}","kind":"{}","name":"{}","uid":"{}",)"
      R"("controller":true,"blockOwnerDeletion":true}}],"uid":"{}"{}}}}})",
      ownerKind.apiVersion, ownerKind.kind, owner.name, owner.uid, uid,
      finalizer.empty() ? "" : fmt::format(R"(,"finalizers":["{}"])", finalizer));
}

std::string releasePatch(const std::string& ownerUid, const std::string& uid,
                         std::string_view finalizer) {
  return fmt::format(
      R"({{"metadata":{{"ownerReferences":[{{"$patch":"delete","uid":"{}"}}],"uid":"{}"{}}}}})",
      ownerUid, uid,
      finalizer.empty()
          ? ""
          : fmt::format(R"(,"$deleteFromPrimitiveList/finalizers":["{}"])", finalizer));
}

Claim decideClaim(const ObjectMeta& owner, const api::LabelSelector& selector,
                  const ObjectMeta& object) {
  const auto* controller = api::controllerOf(object);
  if (controller != nullptr) {
    if (controller->uid != owner.uid) return Claim::Ignore;
    if (selector.matches(object.labels)) return Claim::Keep;
    return owner.deletionTimestamp ? Claim::Ignore : Claim::Release;
  }
  if (owner.deletionTimestamp || !selector.matches(object.labels)) return Claim::Ignore;
  if (object.deletionTimestamp || object.namespace_ != owner.namespace_) return Claim::Ignore;
  return Claim::Adopt;
}

Claimer::Claimer(client::Client& client, const client::ResourceType& ownerType,
                 const ObjectMeta& owner, const api::LabelSelector& selector,
                 std::string_view finalizer)
    : client_(client),
      ownerType_(ownerType),
      owner_(owner),
      selector_(selector),
      finalizer_(finalizer) {}

Task<Status> Claimer::mayAdopt(std::stop_token stop) {
  if (asked_) co_return mayAdopt_;
  auto fresh = co_await client_.get(ownerType_, owner_.namespace_, owner_.name, stop);
  if (!fresh.ok()) co_return fresh.status();
  asked_ = true;
  const auto& meta = *api::objectMeta(*fresh);
  if (meta.uid != owner_.uid) {
    mayAdopt_ = internalError(fmt::format("original {} {}/{} is gone: got uid {}, wanted {}",
                                          ownerType_.kind->name, owner_.namespace_, owner_.name,
                                          meta.uid, owner_.uid));
  } else if (meta.deletionTimestamp) {
    mayAdopt_ = internalError(fmt::format("{}/{} has just been deleted at {}", owner_.namespace_,
                                          owner_.name, meta.deletionTimestamp->str()));
  }
  co_return mayAdopt_;
}

Task<Result<bool>> Claimer::claim(const client::ResourceType& type, const api::ConstObject& object,
                                  std::stop_token stop) {
  const auto& meta = *api::objectMeta(object);
  switch (decideClaim(owner_, selector_, meta)) {
    case Claim::Ignore:
      co_return false;
    case Claim::Keep:
      co_return true;
    case Claim::Adopt: {
      CO_TRY_STATUS(co_await mayAdopt(stop));
      std::string body = adoptionPatch(owner_, *ownerType_.kind->kind, meta.uid, finalizer_);
      auto patched =
          co_await client_.patch(type, meta.namespace_, meta.name, "",
                                 client::PatchType::StrategicMerge, std::move(body), stop);
      if (patched.ok()) co_return true;
      if (isNotFound(patched.status())) co_return false;
      co_return patched.status();
    }
    case Claim::Release: {
      std::string body = releasePatch(owner_.uid, meta.uid, finalizer_);
      auto patched =
          co_await client_.patch(type, meta.namespace_, meta.name, "",
                                 client::PatchType::StrategicMerge, std::move(body), stop);
      // Gone, or it has lost that owner already.
      if (patched.ok() || isNotFound(patched.status()) || isInvalid(patched.status())) {
        co_return false;
      }
      co_return patched.status();
    }
  }
  co_return false;
}

}  // namespace coxswain::controllers
