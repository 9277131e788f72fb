#include "api/gen/networking_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::networking::v1::IPAddress;
using api::networking::v1::ParentReference;

namespace {

/// The reference as upstream's internal type prints it.
api::FieldValue shownParent(const ParentReference& parent) {
  return api::FieldValue::json("{\"Group\":" + api::FieldValue(parent.group).text() +
                               ",\"Resource\":" + api::FieldValue(parent.resource).text() +
                               ",\"Namespace\":" + api::FieldValue(parent.namespace_).text() +
                               ",\"Name\":" + api::FieldValue(parent.name).text() + "}");
}

void checkParent(const ParentReference& parent, const FieldPath& path, FieldErrors& errors) {
  if (!parent.group.empty()) checkDns1123Subdomain(parent.group, path.child("group"), errors);
  auto segment = [&](const std::string& text, std::string_view field) {
    errors.invalidEach(path.child(field), text, api::validatePathSegmentName(text));
  };
  if (!requireText(parent.resource, path.child("resource"), errors)) {
    segment(parent.resource, "resource");
  }
  if (!requireText(parent.name, path.child("name"), errors)) segment(parent.name, "name");
  if (!parent.namespace_.empty()) segment(parent.namespace_, "namespace");
}

class IpAddressStrategy final : public TypedStrategy<IPAddress> {
 public:
  IpAddressStrategy() : TypedStrategy(StrategyTraits{}) {}

  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return api::validateIp(name);
  }

 protected:
  void check(const IPAddress& object, FieldErrors& errors) const override {
    const auto path = FieldPath("spec").child("parentRef");
    if (!object.spec.parentRef) return errors.required(path);
    checkParent(*object.spec.parentRef, path, errors);
  }
  void checkUpdate(const IPAddress& next, const IPAddress& current,
                   FieldErrors& errors) const override {
    if (next.spec.parentRef == current.spec.parentRef) return;
    errors.invalid(
        FieldPath("spec").child("parentRef"),
        next.spec.parentRef ? shownParent(*next.spec.parentRef) : api::FieldValue(nullptr),
        kImmutableText);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeIpAddressStrategy() {
  return std::make_unique<IpAddressStrategy>();
}

}  // namespace coxswain::apiserver
