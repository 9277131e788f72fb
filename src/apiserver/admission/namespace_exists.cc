#include <stop_token>

#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

bool isWithinNamespace(const RequestContext& request) {
  return !request.info.ns.empty() && request.info.resource != "namespaces";
}

/// Nothing is written in namespaces that are not there, deletions included.
class NamespaceExists final : public AdmissionPlugin {
 public:
  explicit NamespaceExists(const AdmissionSources& sources)
      : namespaces_(sources, "", "namespaces") {}
  [[nodiscard]] std::string_view name() const override { return "NamespaceExists"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind != WriteKind::Connect && isWithinNamespace(request);
  }
  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    return namespaces_.get("", request.info.ns).status();
  }

 private:
  SourceCollection namespaces_;
};

/// A namespace that is not there is made when something is created in it.
class NamespaceAutoProvision final : public AdmissionPlugin {
 public:
  explicit NamespaceAutoProvision(const AdmissionSources& sources)
      : namespaces_(sources, "", "namespaces") {}
  [[nodiscard]] std::string_view name() const override { return "NamespaceAutoProvision"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return kind == WriteKind::Create && isWithinNamespace(request) && !request.dryRun;
  }
  [[nodiscard]] bool waits() const override { return true; }

  Task<Status> admitLater(RequestContext& request, WriteKind kind, api::Object* object,
                          const api::Object* old) const override {
    auto found = namespaces_.get("", request.info.ns);
    auto* registry = namespaces_.registry();
    if (found.ok() || !isNotFound(found.status()) || !registry) co_return Status();
    api::core::v1::Namespace made;
    made.metadata.name = request.info.ns;
    api::Object wanted(std::move(made));
    registry->strategy().setDefaults(wanted.data());
    auto created = co_await registry->create("", std::move(wanted), false);
    const bool there = created.ok() || isAlreadyExists(created.status());
    co_return there ? Status() : created.status();
  }

 private:
  SourceCollection namespaces_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeNamespaceExists(const AdmissionSources& sources) {
  return std::make_unique<NamespaceExists>(sources);
}

std::unique_ptr<AdmissionPlugin> makeNamespaceAutoProvision(const AdmissionSources& sources) {
  return std::make_unique<NamespaceAutoProvision>(sources);
}

}  // namespace coxswain::apiserver
