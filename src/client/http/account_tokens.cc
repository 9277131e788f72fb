#include "client/http/account_tokens.h"

#include "api/gen/authentication_v1.h"
#include "api/gen/core_v1.h"
#include "client/resources.h"

namespace coxswain::client {
namespace {

using api::authentication::v1::TokenRequest;
using api::core::v1::ServiceAccount;

constexpr int64_t kSeconds = 3600;

}  // namespace

AccountTokens::AccountTokens(Client& issuer, Executor& executor, std::string ns,
                             std::string account)
    : issuer_(issuer), executor_(executor), ns_(std::move(ns)), account_(std::move(account)) {}

Task<Result<std::string>> AccountTokens::token(std::stop_token stop) {
  if (executor_.now() >= renewAt_) CO_TRY_STATUS(co_await renew(stop));
  co_return token_;
}

Task<Status> AccountTokens::renew(std::stop_token stop) {
  CO_TRY_STATUS(co_await one_.acquire(stop));
  Status status;
  if (executor_.now() >= renewAt_) status = co_await requestOrMake(stop);  // else: done by another
  one_.release();
  co_return status.withContext("a token of service account " + ns_ + "/" + account_);
}

Task<Status> AccountTokens::requestOrMake(std::stop_token stop) {
  Status status = co_await request(stop);
  if (!isNotFound(status)) co_return status;
  ServiceAccount account;
  account.metadata.namespace_ = ns_;
  account.metadata.name = account_;
  auto made = co_await client::create(issuer_, std::move(account), stop);
  if (!made.ok() && !isAlreadyExists(made.status())) co_return made.status();
  co_return co_await request(stop);
}

Task<Status> AccountTokens::request(std::stop_token stop) {
  TokenRequest wanted;
  wanted.spec.expirationSeconds = kSeconds;
  api::ConstObject body(api::Object(std::move(wanted)));
  CO_TRY(auto answer, co_await issuer_.create(resourceOf<ServiceAccount>(), ns_, account_, "token",
                                              std::move(body), stop));
  const auto* issued = answer.as<TokenRequest>();
  if (!issued || issued->status.token.empty()) co_return internalError("an answer without a token");
  // Servers may shorten what was asked for.
  auto lasts = std::chrono::seconds(kSeconds);
  const auto until = issued->status.expirationTimestamp.wall();
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(until - executor_.wallNow());
  if (left < lasts) lasts = left;
  token_ = issued->status.token;
  renewAt_ = executor_.now() + lasts * 4 / 5;
  co_return Status();
}

}  // namespace coxswain::client
