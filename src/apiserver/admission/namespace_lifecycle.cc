#include "api/gen/core_v1.h"
#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

/// Nothing is made or changed in a namespace that is not there, nothing is made in one that is
/// being deleted, and the namespaces every cluster needs are not deleted.
class NamespaceLifecycle final : public AdmissionPlugin {
 public:
  explicit NamespaceLifecycle(const AdmissionSources& sources)
      : namespaces_(sources, "", "namespaces") {}
  [[nodiscard]] std::string_view name() const override { return "NamespaceLifecycle"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    if (isResource(request, "", "namespaces")) return kind == WriteKind::Delete;
    if (request.info.ns.empty() || request.info.resource == "namespaces") return false;
    if (request.info.resource == "localsubjectaccessreviews") return false;
    return kind == WriteKind::Create || kind == WriteKind::Update;
  }

  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    const auto& info = request.info;
    if (kind == WriteKind::Delete) {
      const auto& name = old ? api::objectMeta(*old)->name : info.name;
      const bool kept = name == "default" || name == "kube-system" || name == "kube-public";
      return kept ? forbidden("namespaces", name, "this namespace may not be deleted") : Status();
    }
    TRY(auto stored, namespaces_.get("", info.ns));
    if (kind != WriteKind::Create) return {};
    if (stored.as<api::core::v1::Namespace>()->status.phase != "Terminating") return {};
    Status status = refuse(
        request, object,
        "unable to create new content in namespace " + info.ns + " because it is being terminated");
    auto details = *status.details();
    details.causes.push_back({"NamespaceTerminating",
                              "namespace " + info.ns + " is being terminated",
                              "metadata.namespace"});
    return std::move(status).withDetails(std::move(details));
  }

 private:
  SourceCollection namespaces_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeNamespaceLifecycle(const AdmissionSources& sources) {
  return std::make_unique<NamespaceLifecycle>(sources);
}

}  // namespace coxswain::apiserver
