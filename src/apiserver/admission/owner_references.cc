#include <algorithm>
#include <stop_token>

#include "api/gen/meta_v1.h"
#include "api/reflect/equal.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/registry/resources.h"

namespace coxswain::apiserver {
namespace {

using api::meta::v1::OwnerReference;

/// "apps/v1" in two; the core group is empty.
std::pair<std::string, std::string> splitVersion(const std::string& apiVersion) {
  auto slash = apiVersion.find('/');
  if (slash == std::string::npos) return {"", apiVersion};
  return {apiVersion.substr(0, slash), apiVersion.substr(slash + 1)};
}

/// References that keep their owner from being deleted, and did not before.
std::vector<OwnerReference> newlyBlocking(const std::vector<OwnerReference>& next,
                                          const std::vector<OwnerReference>& old) {
  std::vector<OwnerReference> out;
  for (const auto& one : next) {
    if (!one.blockOwnerDeletion.value_or(false)) continue;
    const bool before = std::any_of(old.begin(), old.end(), [&one](const OwnerReference& other) {
      return other.uid == one.uid && other.blockOwnerDeletion.value_or(false);
    });
    if (!before) out.push_back(one);
  }
  return out;
}

/// Who changes an object's owners must be allowed to delete the object, for that is what owners
/// do; who lets it block its owner's deletion must be allowed to change the owner's finalizers.
class OwnerReferencesPermission final : public AdmissionPlugin {
 public:
  explicit OwnerReferencesPermission(const AdmissionSources& sources)
      : authorizer_(sources.authorizer) {}
  [[nodiscard]] std::string_view name() const override {
    return "OwnerReferencesPermissionEnforcement";
  }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    if (!authorizer_ || (kind != WriteKind::Create && kind != WriteKind::Update)) return false;
    const auto& info = request.info;
    // Kubelets write these, and the node restriction is there for them.
    return !(info.resource == "pods" && info.subresource == "status");
  }
  [[nodiscard]] bool waits() const override { return true; }

  Task<Status> validateLater(RequestContext& request, WriteKind kind, const api::Object* object,
                             const api::Object* old) const override {
    const auto* meta = object ? api::objectMeta(*object) : nullptr;
    const auto* before = old ? api::objectMeta(*old) : nullptr;
    if (!meta) co_return Status();
    static const std::vector<OwnerReference> kNone;
    const auto& current = before ? before->ownerReferences : kNone;
    if (meta->ownerReferences == current) co_return Status();

    RequestInfo wanted = request.info;
    wanted.verb = "delete";
    auto mayDelete = co_await authorizeOrAsk(*authorizer_, {request.user, wanted}, {});
    if (!mayDelete.allowed()) {
      co_return refuse(
          request, object,
          "cannot set an ownerRef on a resource you can't delete: " + mayDelete.reason + ", <nil>");
    }
    const auto blocking = newlyBlocking(meta->ownerReferences, current);
    for (const auto& owner : blocking) {
      CO_TRY_STATUS(co_await mayFinalize(request, object, owner));
    }
    co_return Status();
  }

 private:
  Task<Status> mayFinalize(RequestContext& request, const api::Object* object,
                           OwnerReference owner) const {
    const auto [group, version] = splitVersion(owner.apiVersion);
    const auto* resource = findResourceByKind(group, version, owner.kind);
    if (!resource) {
      co_return refuse(request, object,
                       "cannot set blockOwnerDeletion in this case because cannot find "
                       "RESTMapping for APIVersion " +
                           owner.apiVersion + " Kind " + owner.kind + ": no matches for kind \"" +
                           owner.kind + "\" in version \"" + owner.apiVersion + "\"");
    }
    RequestInfo wanted;
    wanted.isResource = true;
    wanted.verb = "update";
    wanted.group = group;
    wanted.version = version;
    wanted.resource = resource->plural;
    wanted.subresource = "finalizers";
    wanted.name = owner.name;
    if (resource->namespaced) wanted.ns = request.info.ns;
    auto verdict = co_await authorizeOrAsk(*authorizer_, {request.user, wanted}, {});
    if (verdict.allowed()) co_return Status();
    co_return refuse(request, object,
                     "cannot set blockOwnerDeletion if an ownerReference refers to a resource you "
                     "can't set finalizers on: " +
                         verdict.reason + ", <nil>");
  }

  const Authorizer* authorizer_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeOwnerReferencesPermission(const AdmissionSources& sources) {
  return std::make_unique<OwnerReferencesPermission>(sources);
}

}  // namespace coxswain::apiserver
