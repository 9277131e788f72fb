#include "apiserver/admission/plugins.h"

namespace coxswain::apiserver {
namespace {

/// An update or an apply of what is not there makes it: who does that must be allowed to create.
/// Part of upstream's handlers, not of its admission; here it sits there, before the store.
class CreateOnUpdate final : public AdmissionPlugin {
 public:
  explicit CreateOnUpdate(const Authorizer& authorizer) : authorizer_(authorizer) {}
  [[nodiscard]] std::string_view name() const override { return "CreateOnUpdate"; }

  [[nodiscard]] bool handles(const RequestContext& request, WriteKind kind) const override {
    const auto& verb = request.info.verb;
    return kind == WriteKind::Create && (verb == "update" || verb == "patch");
  }

  // Somebody elsewhere may have to be asked.
  [[nodiscard]] bool waits() const override { return true; }
  Task<Status> validateLater(RequestContext& request, WriteKind kind, const api::Object* object,
                             const api::Object* old) const override {
    RequestInfo wanted = request.info;
    wanted.verb = "create";
    const Attributes attributes{request.user, wanted};
    auto verdict = co_await authorizeOrAsk(authorizer_, attributes, {});
    co_return verdict.allowed() ? Status() : refusal(attributes, verdict);
  }

 private:
  const Authorizer& authorizer_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> makeCreateOnUpdate(const Authorizer& authorizer) {
  return std::make_unique<CreateOnUpdate>(authorizer);
}

}  // namespace coxswain::apiserver
