#include "apiserver/authn/webhook_tokens.h"

#include "api/codec/json.h"
#include "api/gen/authentication_v1.h"
#include "api/names/quote.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::authentication::v1::TokenReview;

constexpr double kFactor = 1.5;
constexpr double kJitter = 0.2;

/// Overloaded or broken for a moment.
bool mayPass(const Status& status) {
  switch (status.reason()) {
    case Reason::Unreachable:
    case Reason::InternalError:
    case Reason::ServerTimeout:
    case Reason::Timeout:
    case Reason::TooManyRequests:
      return true;
    default:
      return status.details() && status.details()->retryAfterSeconds > 0;
  }
}

}  // namespace

Status WebhookTokensOptions::check() const {
  if (version == "v1" || version == "v1beta1") return {};
  return badRequest("--authentication-token-webhook-version \"" + version +
                    "\" is neither v1 nor v1beta1");
}

std::string tokenReviewOf(std::string_view token, const Audiences& audiences,
                          std::string_view version) {
  TokenReview review;
  review.spec.token = token;
  review.spec.audiences = audiences;
  const auto apiVersion = "authentication.k8s.io/" + std::string(version);
  return api::encodeJson(review, {.apiVersion = apiVersion, .kind = "TokenReview"});
}

Recognition parseTokenReviewAnswer(std::string_view body, const Audiences& wanted,
                                   const Audiences& apiAudiences) {
  api::JsonReport report;
  TRY(auto review, api::decodeJson<TokenReview>(body, &report));
  if (report.kind != "TokenReview" ||
      !std::string_view(report.apiVersion).starts_with("authentication.k8s.io/")) {
    return badRequest("webhook's answer is no TokenReview but " + api::goQuote(report.apiVersion) +
                      ", kind " + api::goQuote(report.kind));
  }
  auto& status = review.status;
  if (!status.authenticated) {
    if (status.error.empty()) return std::nullopt;
    return unauthorized(status.error);
  }
  Authenticated out;
  // One that names no audience means those of this API server.
  out.audiences = intersection(wanted, status.audiences.empty() ? apiAudiences : status.audiences);
  if (out.audiences.empty()) return std::nullopt;
  out.user.name = status.user.username;
  out.user.uid = status.user.uid;
  out.user.groups = std::move(status.user.groups);
  for (const auto& [key, values] : status.user.extra) out.user.extra[key] = values;
  return out;
}

Task<Result<std::string>> WebhookTokens::post(std::string body, std::stop_token stop) {
  auto wait = options_.retryFirstAfter;
  for (int attempt = 1;; ++attempt) {
    auto answer = co_await caller_->post(body, stop);
    if (answer.ok() || attempt >= options_.attempts || !mayPass(answer.status())) {
      co_return answer;
    }
    const auto factor = 1 + kJitter * random_.unit();
    const auto pause = std::chrono::duration_cast<Duration>(wait * factor);
    CO_TRY_STATUS(co_await sleepFor(pause, stop));
    wait = std::chrono::duration_cast<Duration>(wait * kFactor);
  }
}

Task<Recognition> WebhookTokens::ask(std::string token, Audiences audiences, std::stop_token stop) {
  auto question = tokenReviewOf(token, audiences, options_.version);
  auto answer = co_await post(std::move(question), std::move(stop));
  if (!answer.ok()) {
    // Whatever it was, it says nothing about the token.
    co_return isCanceled(answer.status()) ? answer.status()
                                          : serviceUnavailable(answer.status().message());
  }
  auto known = parseTokenReviewAnswer(*answer, audiences, options_.apiAudiences);
  if (!known.ok() && known.status().reason() == Reason::BadRequest) {
    co_return serviceUnavailable(known.status().message());
  }
  co_return known;
}

}  // namespace coxswain::apiserver
