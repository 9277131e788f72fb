#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

/// Says nothing.
class AlwaysAdmit final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "AlwaysAdmit"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return false;
  }
};

/// Refuses everything.
class AlwaysDeny final : public AdmissionPlugin {
 public:
  [[nodiscard]] std::string_view name() const override { return "AlwaysDeny"; }
  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    return true;
  }
  Status admit(RequestContext& request, WriteKind kind, api::Object* object,
               const api::Object* old) const override {
    return deny(request, object);
  }
  Status validate(RequestContext& request, WriteKind kind, const api::Object* object,
                  const api::Object* old) const override {
    return deny(request, object);
  }

 private:
  static Status deny(const RequestContext& request, const api::Object* object) {
    return refuse(request, object, "admission control is denying all modifications");
  }
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeAlwaysAdmit() {
  return std::make_unique<AlwaysAdmit>();
}

std::unique_ptr<AdmissionPlugin> makeAlwaysDeny() {
  return std::make_unique<AlwaysDeny>();
}

}  // namespace coxswain::apiserver
