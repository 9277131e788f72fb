#include "controllers/serviceaccounttokens/controller.h"

#include <algorithm>
#include <optional>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"

namespace coxswain::controllers::serviceaccounttokens {

using api::core::v1::Secret;
using api::core::v1::ServiceAccount;

namespace {

constexpr std::string_view kType = "kubernetes.io/service-account-token";
constexpr std::string_view kName = "kubernetes.io/service-account.name";
constexpr std::string_view kUid = "kubernetes.io/service-account.uid";
constexpr const char* kIndex = "account";
/// Keys: "fill ns/secret" and "forget ns/account/secret".
constexpr std::string_view kFill = "fill ";
constexpr std::string_view kForget = "forget ";
constexpr auto kNotSynced = 100ms;

Controller::Options controllerOptions(int workers) {
  Controller::Options o;
  o.name = "serviceaccount-token-controller";
  o.workers = workers;
  o.retriesMax = 10;
  return o;
}

client::Informer::Options ofTokens() {
  client::Informer::Options o;
  o.fieldSelector = "type=" + std::string(kType);
  return o;
}

std::string accountNamed(const api::meta::v1::ObjectMeta& meta) {
  const auto* name = meta.annotations.get(kName);
  return name ? *name : std::string();
}

bool isOf(const Secret& secret, const ServiceAccount& account) {
  const auto* uid = secret.metadata.annotations.get(kUid);
  return !uid || uid->empty() || *uid == account.metadata.uid;
}

/// What is there counts; false: nothing was missing.
bool complete(Secret& secret, const ServiceAccount& account, const std::string& rootCa,
              const std::string& token) {
  bool changed = false;
  const auto put = [&](const char* key, const std::string& value) {
    secret.data.insert_or_assign(key, api::Bytes(value));
    changed = true;
  };
  const auto* ca = secret.data.get("ca.crt");
  if (!rootCa.empty() && (!ca || ca->data != rootCa)) put("ca.crt", rootCa);
  const auto* ns = secret.data.get("namespace");
  if (!ns || ns->empty()) put("namespace", secret.metadata.namespace_);
  if (!token.empty()) put("token", token);
  if (!changed) return false;
  secret.metadata.annotations.insert_or_assign(kName, account.metadata.name);
  secret.metadata.annotations.insert_or_assign(kUid, account.metadata.uid);
  return true;
}

bool needsToken(const Secret& secret) {
  const auto* token = secret.data.get("token");
  return !token || token->empty();
}

}  // namespace

TokensController::TokensController(const Context& context, Options options)
    : Controller(context, controllerOptions(options.workers)),
      options_(std::move(options)),
      accounts_(use<ServiceAccount>()),
      secrets_(client(), client::resourceOf<Secret>(), ofTokens()) {
  secrets_.addIndex(kIndex, [](const api::ConstObject& object) {
    const auto& meta = *api::objectMeta(object);
    return std::vector<std::string>{meta.namespace_ + "/" + accountNamed(meta)};
  });
  secrets_.addHandler([this](const client::Change& change) {
    if (change.after) {
      queue().add(std::string(kFill) + client::objectKey(change.after));
      return;
    }
    const auto& meta = *api::objectMeta(change.before);
    queue().add(std::string(kForget) + meta.namespace_ + "/" + accountNamed(meta) + "/" +
                meta.name);
  });
  accounts_.addHandler([this](const client::Change& change) { accountChanged(change); });
}

void TokensController::accountChanged(const client::Change& change) {
  // What an account says of itself does not change its tokens.
  if (change.before && change.after &&
      api::objectMeta(change.before)->uid == api::objectMeta(change.after)->uid) {
    return;
  }
  const auto key = client::objectKey(change.after ? change.after : change.before);
  for (const auto& secret : secrets_.byIndex(kIndex, key)) {
    queue().add(std::string(kFill) + client::objectKey(secret));
  }
}

Task<void> TokensController::background(std::stop_token stop) {
  co_await secrets_.run(std::move(stop));
}

Task<Result<Duration>> TokensController::reconcile(std::string key, std::stop_token stop) {
  if (!secrets_.synced()) co_return Duration(kNotSynced);
  if (key.starts_with(kFill)) {
    co_return co_await fill(key.substr(kFill.size()), std::move(stop));
  }
  key.erase(0, kForget.size());
  const auto first = key.find('/');
  const auto second = key.find('/', first + 1);
  co_return co_await forget(key.substr(0, first), key.substr(first + 1, second - first - 1),
                            key.substr(second + 1), std::move(stop));
}

Task<Result<Duration>> TokensController::fill(std::string key, std::stop_token stop) {
  auto cached = secrets_.get<Secret>(key);
  if (!cached) co_return Duration(0);
  const auto& meta = cached->metadata;
  const auto name = accountNamed(meta);
  if (name.empty()) co_return Duration(0);
  auto account = accounts_.get<ServiceAccount>(meta.namespace_ + "/" + name);
  if (!account || !isOf(*cached, *account)) {
    // The cache may not have seen it yet.
    auto live = co_await client::get<ServiceAccount>(client(), meta.namespace_, name, stop);
    if (!live.ok() && !isNotFound(live.status())) co_return live.status();
    account = live.ok() ? *live : nullptr;
  }
  if (!account || !isOf(*cached, *account)) {
    client::DeleteOptions options;
    options.uid = meta.uid;
    Status removed = co_await client().remove(client::resourceOf<Secret>(), meta.namespace_,
                                              meta.name, std::move(options), stop);
    if (!removed.ok() && !isNotFound(removed) && !isConflict(removed)) co_return removed;
    co_return Duration(0);
  }
  if (Secret probe = *cached;
      !needsToken(probe) && !complete(probe, *account, options_.rootCa, "")) {
    co_return Duration(0);
  }
  CO_TRY(auto live, co_await client::get<Secret>(client(), meta.namespace_, meta.name, stop));
  // An older view: its event is on its way.
  if (live->metadata.resourceVersion != meta.resourceVersion) co_return Duration(0);
  Secret next = *live;
  std::string token;
  if (needsToken(next)) {
    CO_TRY(token, options_.sign(meta.namespace_, name, account->metadata.uid, meta.name));
  }
  if (!complete(next, *account, options_.rootCa, token)) co_return Duration(0);
  auto written = co_await client::update(client(), std::move(next), "", stop);
  if (written.ok() || isConflict(written.status()) || isNotFound(written.status())) {
    co_return Duration(0);
  }
  co_return written.status();
}

/// An account may list its secrets; one that is gone is listed no more.
Task<Result<Duration>> TokensController::forget(std::string ns, std::string account,
                                                std::string secret, std::stop_token stop) {
  const auto lists = [&secret](const ServiceAccount& one) {
    return std::any_of(one.secrets.begin(), one.secrets.end(),
                       [&secret](const auto& reference) { return reference.name == secret; });
  };
  if (secrets_.get(ns + "/" + secret)) co_return Duration(0);
  auto cached = accounts_.get<ServiceAccount>(ns + "/" + account);
  if (!cached || !lists(*cached)) co_return Duration(0);
  auto live = co_await client::get<ServiceAccount>(client(), ns, account, stop);
  if (!live.ok()) {
    if (isNotFound(live.status())) co_return Duration(0);
    co_return live.status();
  }
  if (!lists(**live)) co_return Duration(0);
  ServiceAccount next = **live;
  std::erase_if(next.secrets, [&secret](const auto& one) { return one.name == secret; });
  auto written = co_await client::update(client(), std::move(next), "", stop);
  if (written.ok() || isNotFound(written.status())) co_return Duration(0);
  co_return written.status();
}

}  // namespace coxswain::controllers::serviceaccounttokens
