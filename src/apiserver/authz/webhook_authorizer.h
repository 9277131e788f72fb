#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "apiserver/authz/authorizer.h"
#include "base/result.h"
#include "base/time.h"
#include "runtime/executor.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

struct WebhookAuthorizerOptions {
  /// Posts a SubjectAccessReview in JSON and gives the answer's body. Unreachable where nobody
  /// answered.
  using Call = std::function<Task<Result<std::string>>(std::string body, std::stop_token stop)>;
  Call call;
  std::string version = "v1beta1";   ///< of authorization.k8s.io, that is spoken: v1 or v1beta1
  Duration authorizedTtl = 5min;     ///< an Allow is remembered so long; zero: not at all
  Duration unauthorizedTtl = 30s;    ///< any other answer
  Duration retryFirstAfter = 500ms;  ///< then half as long again, five attempts in all
};

/// Asks a service elsewhere. Its answer may be Allow, Deny or no opinion; where it gives none, that
/// is no opinion with a failure. Answers are remembered (at most 8192, the latest). One executor.
/// Upstream: apiserver/plugin/pkg/authorizer/webhook.
class WebhookAuthorizer final : public Authorizer, public RuleSource {
 public:
  /// BadRequest for versions that do not exist.
  static Status check(const WebhookAuthorizerOptions& options);
  WebhookAuthorizer(Executor& executor, WebhookAuthorizerOptions options);

  /// From memory, else Ask.
  [[nodiscard]] Verdict authorize(const Attributes& attributes) const override;
  Task<Verdict> ask(Attributes attributes, std::stop_token stop) const override;
  /// That there may be more than a list.
  void appendRules(const UserInfo& user, std::string_view ns, RulesAnswer& to) const override;

 private:
  struct Known {
    std::string review;
    Verdict verdict;
    MonotonicTime until{};
  };
  [[nodiscard]] const Verdict* find(std::string_view review) const;
  void remember(std::string review, const Verdict& verdict) const;
  Task<Result<std::string>> post(std::string body, std::stop_token stop) const;

  Executor& executor_;
  const WebhookAuthorizerOptions options_;
  mutable std::list<Known> known_;  // the latest first
  mutable std::unordered_map<std::string_view, std::list<Known>::iterator> byReview_;
};

/// The question as a SubjectAccessReview of that version, in JSON.
std::string reviewOf(const Attributes& attributes, std::string_view version);
/// What a service's answer says. BadRequest: it is no SubjectAccessReview.
Result<Verdict> parseReviewAnswer(std::string_view body);

}  // namespace coxswain::apiserver
