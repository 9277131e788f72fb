#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"
#include "api/names/field_error.h"
#include "api/names/names.h"
#include "api/reflect/equal.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/authz/authorizer.h"

namespace coxswain::apiserver {
namespace {

using api::FieldErrors;
using api::FieldPath;
using api::resource::v1::AllocatedDeviceStatus;
using api::resource::v1::AllocationResult;
using api::resource::v1::DeviceRequest;
using api::resource::v1::ResourceClaim;
using api::resource::v1::ResourceClaimStatus;
using api::resource::v1::ResourceClaimTemplate;

constexpr std::string_view kGroup = "resource.k8s.io";
constexpr std::string_view kAdminLabel = api::resource::v1::kDRAAdminNamespaceLabelKey;
constexpr const char* kNodeName = "authentication.kubernetes.io/node-name";

/// The index of the first request that wants it; nullopt: none does.
std::optional<size_t> wantsAdmin(const std::vector<DeviceRequest>& requests) {
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].exactly && requests[i].exactly->adminAccess.value_or(false)) return i;
  }
  return std::nullopt;
}
std::optional<size_t> givesAdmin(const ResourceClaimStatus& status) {
  if (!status.allocation) return std::nullopt;
  const auto& results = status.allocation->devices.results;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].adminAccess.value_or(false)) return i;
  }
  return std::nullopt;
}

bool sameDevice(const AllocatedDeviceStatus& a, const AllocatedDeviceStatus& b) {
  return a.driver == b.driver && a.pool == b.pool && a.device == b.device &&
         a.shareID.value_or("") == b.shareID.value_or("");
}

/// Drivers of devices whose status came, went or is another.
std::set<std::string> changedDrivers(const ResourceClaimStatus& next,
                                     const ResourceClaimStatus& current) {
  std::set<std::string> drivers;
  const auto compare = [&](const ResourceClaimStatus& from, const ResourceClaimStatus& to) {
    for (const auto& device : from.devices) {
      const auto other = std::find_if(to.devices.begin(), to.devices.end(),
                                      [&](const auto& each) { return sameDevice(each, device); });
      if (other == to.devices.end() || !api::semanticEqual(device, *other)) {
        drivers.insert(device.driver);
      }
    }
  };
  compare(next, current);
  compare(current, next);
  return drivers;
}

/// The one node an allocation is for; empty: not known to be one.
std::string_view nodeOf(const ResourceClaimStatus& status) {
  if (!status.allocation || !status.allocation->nodeSelector) return {};
  const auto& terms = status.allocation->nodeSelector->nodeSelectorTerms;
  if (terms.size() != 1 || !terms[0].matchExpressions.empty()) return {};
  if (terms[0].matchFields.size() != 1) return {};
  const auto& field = terms[0].matchFields[0];
  const bool one =
      field.key == "metadata.name" && field.operator_ == "In" && field.values.size() == 1;
  return one ? std::string_view(field.values[0]) : std::string_view();
}

/// A service account whose token is bound to a pod or node there.
bool isOnNode(const UserInfo& user, std::string_view node) {
  if (node.empty() || !user.name.starts_with("system:serviceaccount:")) return false;
  const auto names = user.extra.find(kNodeName);
  return names != user.extra.end() && names->second.size() == 1 && names->second[0] == node &&
         api::validateDns1123Subdomain(node).empty();
}

/// Admin access to devices needs a label on the namespace. Who changes a claim's status may do so
/// by rights of his own: on resourceclaims/binding for allocation and reservations, and on
/// resourceclaims/driver, of the driver's name, for what drivers tell. Part of upstream's storage
/// of claims, not of its admission (pkg/registry/resource); here it sits there, before the store.
class DeviceAccess final : public AdmissionPlugin {
 public:
  DeviceAccess(const AdmissionSources& sources, const Authorizer& authorizer)
      : sources_(sources), authorizer_(authorizer) {}
  [[nodiscard]] std::string_view name() const override { return "DeviceAccess"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    const auto& info = request.info;
    if (info.group != kGroup) return false;
    if (kind == WriteKind::Create) {
      return info.subresource.empty() &&
             (info.resource == "resourceclaims" || info.resource == "resourceclaimtemplates");
    }
    return kind == WriteKind::Update && info.resource == "resourceclaims" &&
           info.subresource == "status";
  }
  [[nodiscard]] bool waits() const override { return true; }

  Task<Status> validateLater(RequestContext& request, WriteKind kind, const api::Object* object,
                             const api::Object* old) const override {
    FieldErrors errors;
    if (const auto* claim = object->as<ResourceClaim>(); claim && kind == WriteKind::Create) {
      checkRequests(request, claim->spec.devices.requests, errors);
    } else if (const auto* claims = object->as<ResourceClaimTemplate>()) {
      checkRequests(request, claims->spec.spec.devices.requests, errors);
    } else if (claim && old) {
      const auto& before = old->as<ResourceClaim>()->status;
      if (auto index = givesAdmin(claim->status); index && !givesAdmin(before)) {
        const FieldPath path("status");
        const auto results = path.child("allocation", "devices", "results");
        checkLabel(request, results.index(*index).child("adminAccess"), errors);
      }
      co_await checkBinding(request, claim->status, before, errors);
      co_await checkDrivers(request, claim->status, before, errors);
    }
    co_return errors.toStatus(request.resource->qualifiedKind(), api::objectMeta(*object)->name);
  }

 private:
  void checkRequests(const RequestContext& request, const std::vector<DeviceRequest>& requests,
                     FieldErrors& errors) const {
    // Of templates too the path is that of a claim, as upstream.
    const FieldPath spec("spec");
    const auto list = spec.child("devices", "requests");
    if (auto index = wantsAdmin(requests)) {
      checkLabel(request, list.index(*index).child("adminAccess"), errors);
    }
  }

  void checkLabel(const RequestContext& request, const FieldPath& path, FieldErrors& errors) const {
    auto found = sources_.get("", "namespaces", "", request.info.ns);
    if (!found.ok()) {
      return errors.internal(
          path, "could not retrieve namespace to verify admin access: " + found.status().message());
    }
    const auto* label = api::objectMeta(*found)->labels.get(kAdminLabel);
    if (label && *label == "true") return;
    errors.forbidden(path, "admin access to devices requires the `" + std::string(kAdminLabel) +
                               ": true` label on the containing namespace");
  }

  Task<void> checkBinding(const RequestContext& request, const ResourceClaimStatus& next,
                          const ResourceClaimStatus& current, FieldErrors& errors) const {
    const bool same =
        next.reservedFor == current.reservedFor &&
        bool(next.allocation) == bool(current.allocation) &&
        (!next.allocation || api::semanticEqual(*next.allocation, *current.allocation));
    if (same) co_return;
    std::string why = co_await refusal(request, "binding", request.info.verb, "", "");
    if (why.empty()) co_return;
    errors.forbidden(FieldPath("status"),
                     "changing status.allocation or status.reservedFor requires "
                     "resource=\"resourceclaims/binding\", verb=\"" +
                         request.info.verb + "\" permission: " + why);
  }

  Task<void> checkDrivers(const RequestContext& request, const ResourceClaimStatus& next,
                          const ResourceClaimStatus& current, FieldErrors& errors) const {
    const auto drivers = changedDrivers(next, current);
    if (drivers.empty()) co_return;
    std::vector<std::string> verbs;
    if (isOnNode(request.user, nodeOf(next))) {
      verbs.push_back("associated-node:" + request.info.verb);
    }
    verbs.push_back("arbitrary-node:" + request.info.verb);
    for (const auto& driver : drivers) {
      std::string first;
      bool allowed = false;
      for (const auto& verb : verbs) {
        std::string why = co_await refusal(request, "driver", verb, request.info.ns, driver);
        allowed = why.empty();
        if (allowed) break;
        if (first.empty()) first = std::move(why);
      }
      if (allowed) continue;
      std::string shown;
      for (const auto& verb : verbs) shown += (shown.empty() ? "[" : " ") + verb;
      errors.forbidden(FieldPath("status"),
                       "changing status.devices requires resource=\"resourceclaims/driver\", "
                       "verb=\"" +
                           shown + "]\" permission: " + first);
    }
  }

  /// The text of a 403; empty: the user may.
  Task<std::string> refusal(const RequestContext& request, std::string subresource,
                            std::string verb, std::string ns, std::string object) const {
    RequestInfo info;
    info.isResource = true;
    info.verb = std::move(verb);
    info.group = kGroup;
    info.version = request.info.version;
    info.ns = std::move(ns);
    info.resource = "resourceclaims";
    info.subresource = std::move(subresource);
    info.name = std::move(object);
    const Attributes attributes{request.user, info};
    Verdict verdict = co_await authorizeOrAsk(authorizer_, attributes, {});
    if (verdict.allowed()) co_return std::string();
    std::string why = verdict.failure;
    if (!why.empty() && !verdict.reason.empty()) why += ": ";
    co_return forbiddenStatus(attributes, why + verdict.reason).message();
  }

  AdmissionSources sources_;
  const Authorizer& authorizer_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeDeviceAccess(const AdmissionSources& sources,
                                                  const Authorizer& authorizer) {
  return std::make_unique<DeviceAccess>(sources, authorizer);
}

}  // namespace coxswain::apiserver
