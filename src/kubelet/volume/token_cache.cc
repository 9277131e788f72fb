#include "kubelet/volume/token_cache.h"

#include <algorithm>

#include "api/gen/authentication_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"

namespace coxswain::kubelet {

using api::authentication::v1::TokenRequest;
using api::core::v1::Pod;

namespace {
constexpr Duration kAgeMax = 24h;
constexpr Duration kRetryAfter = 1min;
}  // namespace

Task<Result<TokenCache::Token>> TokenCache::get(std::shared_ptr<const Pod> pod,
                                                std::string audience, int64_t expirationSeconds,
                                                std::stop_token stop) {
  const Key key{pod->metadata.uid, audience, expirationSeconds};
  if (const auto held = tokens_.find(key);
      held != tokens_.end() && executor_.wallNow() < held->second.refreshAt) {
    co_return held->second;
  }
  auto fresh = co_await request(pod, std::move(audience), expirationSeconds, stop);
  if (fresh.ok()) {
    tokens_.insert_or_assign(key, *fresh);
    co_return fresh;
  }
  const auto held = tokens_.find(key);
  if (held == tokens_.end() || executor_.wallNow() >= held->second.expires) {
    co_return fresh.status();
  }
  held->second.refreshAt = executor_.wallNow() + kRetryAfter;
  co_return held->second;
}

Task<Result<TokenCache::Token>> TokenCache::request(std::shared_ptr<const Pod> pod,
                                                    std::string audience, int64_t expirationSeconds,
                                                    std::stop_token stop) {
  TokenRequest body;
  body.metadata.namespace_ = pod->metadata.namespace_;
  body.metadata.name = pod->spec.serviceAccountName;
  if (!audience.empty()) body.spec.audiences = {std::move(audience)};
  body.spec.expirationSeconds = expirationSeconds;
  auto& bound = body.spec.boundObjectRef.emplace();
  bound.kind = "Pod";
  bound.apiVersion = "v1";
  bound.name = pod->metadata.name;
  bound.uid = pod->metadata.uid;
  api::ConstObject object(api::Object(std::move(body)));
  auto answer = co_await client_.create(client::resourceOf<api::core::v1::ServiceAccount>(),
                                        pod->metadata.namespace_, pod->spec.serviceAccountName,
                                        "token", std::move(object), stop);
  if (!answer.ok()) co_return answer.status();
  const auto* made = answer->as<TokenRequest>();
  if (made == nullptr || made->status.token.empty()) {
    co_return internalError("the token request was answered without a token");
  }
  // The lifetime is the server's: it may have shortened it.
  const WallTime now = executor_.wallNow();
  Token held;
  held.token = made->status.token;
  held.expires = made->status.expirationTimestamp.wall();
  const Duration life = std::max<Duration>(held.expires - now, 0s);
  held.refreshAt = now + std::min(life * 4 / 5, kAgeMax);
  co_return held;
}

void TokenCache::forgetPod(const std::string& uid) {
  std::erase_if(tokens_, [&](const auto& entry) { return std::get<0>(entry.first) == uid; });
}

}  // namespace coxswain::kubelet
