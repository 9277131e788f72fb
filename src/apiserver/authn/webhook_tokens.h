#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "apiserver/authn/token_authenticator.h"
#include "base/time.h"
#include "runtime/random.h"

namespace coxswain::apiserver {

/// Posts JSON to a webhook.
class WebhookCaller {
 public:
  virtual ~WebhookCaller() = default;
  /// The body of a successful answer; else the Status it means. Unreachable where there was none.
  virtual Task<Result<std::string>> post(std::string body, std::stop_token stop) = 0;
  virtual Task<void> close() = 0;
};

struct WebhookTokensOptions {
  std::string version = "v1beta1";   ///< of authentication.k8s.io, that is spoken: v1 or v1beta1
  Audiences apiAudiences;            ///< meant where an answer names none
  Duration retryFirstAfter = 500ms;  ///< then half as long again, with some chance in it
  int attempts = 5;

  [[nodiscard]] Status check() const;
};

/// Tokens that a service elsewhere knows, asked by TokenReview. Asked again where it is overloaded
/// or broken for a moment. One executor. Upstream:
/// apiserver/plugin/pkg/authenticator/token/webhook.
class WebhookTokens final : public RemoteTokenAuthenticator {
 public:
  /// `random` outlives it; `options` have passed check().
  WebhookTokens(Random& random, WebhookTokensOptions options, std::unique_ptr<WebhookCaller> caller)
      : random_(random), options_(std::move(options)), caller_(std::move(caller)) {}

  [[nodiscard]] bool concerns(std::string_view token) const override { return true; }
  Task<Recognition> ask(std::string token, Audiences audiences, std::stop_token stop) override;
  Task<void> close() override { co_await caller_->close(); }

 private:
  Task<Result<std::string>> post(std::string body, std::stop_token stop);

  Random& random_;
  const WebhookTokensOptions options_;
  std::unique_ptr<WebhookCaller> caller_;
};

/// The question as JSON.
[[nodiscard]] std::string tokenReviewOf(std::string_view token, const Audiences& audiences,
                                        std::string_view version);
/// What an answer says. BadRequest: it is no TokenReview.
[[nodiscard]] Recognition parseTokenReviewAnswer(std::string_view body, const Audiences& wanted,
                                                 const Audiences& apiAudiences);

}  // namespace coxswain::apiserver
