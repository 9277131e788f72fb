#include "api/gen/authentication_v1.h"
#include "api/gen/core_v1.h"
#include "api/names/field_error.h"
#include "apiserver/subresources/posters.h"

namespace coxswain::apiserver {
namespace {

using api::authentication::v1::TokenRequest;

Status checkName(const RequestContext& context, const TokenRequest& request) {
  const auto& meta = request.metadata;
  if (!meta.namespace_.empty() && meta.namespace_ != context.info.ns) {
    return badRequest(
        "the namespace of the provided object does not match the namespace sent on the request");
  }
  if (meta.name.empty() || meta.name == context.info.name) return {};
  api::FieldErrors errors;
  errors.invalid(api::FieldPath("metadata").child("name"), meta.name,
                 "must match the service account name if specified");
  return errors.toStatus("TokenRequest.authentication.k8s.io", context.info.name);
}

class TokenPoster final : public ObjectPoster {
 public:
  TokenPoster(Executor& executor, Admission* admission, ServiceAccountTokens& tokens)
      : executor_(executor), admission_(admission), tokens_(tokens) {}

  [[nodiscard]] std::vector<BodyKind> bodies() const override {
    return {{"authentication.k8s.io", "v1", "TokenRequest", &TokenRequest::info()}};
  }

  Task<Result<api::ConstObject>> post(RequestContext& context, api::Object body) override {
    auto& request = *body.as<TokenRequest>();
    CO_TRY_STATUS(checkName(context, request));
    WriteAdmission admission(admission_, context);
    CO_TRY_STATUS(co_await admission.admit(WriteKind::Create, &body, nullptr));
    CO_TRY(auto account, context.registry->get(context.info.ns, context.info.name));
    CO_TRY_STATUS(tokens_.prepare(request, account));
    CO_TRY_STATUS(co_await admission.validate(WriteKind::Create, &body, nullptr));
    CO_TRY(auto issued, tokens_.issue(request, account, executor_.wallNow()));
    for (auto& warning : issued.warnings) context.warnings.push_back(std::move(warning));
    context.annotateAudit("authentication.kubernetes.io/issued-credential-id", issued.credentialId);
    co_return api::ConstObject(std::move(body));
  }

 private:
  Executor& executor_;
  Admission* admission_;
  ServiceAccountTokens& tokens_;
};

}  // namespace

std::unique_ptr<ObjectPoster> makeTokenPoster(Executor& executor, Admission* admission,
                                              ServiceAccountTokens& tokens) {
  return std::make_unique<TokenPoster>(executor, admission, tokens);
}

}  // namespace coxswain::apiserver
