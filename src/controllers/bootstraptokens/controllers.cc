#include "controllers/bootstraptokens/controllers.h"

#include <algorithm>
#include <map>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "controllers/bootstraptokens/token_secret.h"
#include "runtime/spawn.h"

namespace coxswain::controllers::bootstraptokens {

using api::core::v1::ConfigMap;
using api::core::v1::Secret;

namespace {

constexpr const char* kNamespace = "kube-system";
constexpr const char* kPublic = "kube-public";
constexpr const char* kMap = "cluster-info";
constexpr std::string_view kSignature = "jws-kubeconfig-";
constexpr auto kNotSynced = 100ms;

Controller::Options named(const char* name) {
  Controller::Options o;
  o.name = name;
  o.workers = 1;
  return o;
}

client::Informer::Options ofTokens() {
  client::Informer::Options o;
  o.ns = kNamespace;
  o.fieldSelector = "type=" + std::string(kTokenType);
  return o;
}

client::Informer::Options ofClusterInfo() {
  client::Informer::Options o;
  o.ns = kPublic;
  o.fieldSelector = "metadata.name=" + std::string(kMap);
  return o;
}

}  // namespace

TokenCleaner::TokenCleaner(const Context& context)
    : Controller(context, named("token-cleaner-controller")),
      secrets_(client(), client::resourceOf<Secret>(), ofTokens()) {
  secrets_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(client::objectKey(change.after));
  });
}

Task<void> TokenCleaner::background(std::stop_token stop) {
  co_await secrets_.run(std::move(stop));
}

Task<Result<Duration>> TokenCleaner::reconcile(std::string key, std::stop_token stop) {
  auto secret = secrets_.get<Secret>(key);
  if (!secret) co_return Duration(0);
  const auto token = readTokenSecret(*secret);
  if (!token || !token->expiresAt) co_return Duration(0);
  if (*token->expiresAt > now()) co_return *token->expiresAt - now();
  client::DeleteOptions options;
  options.uid = secret->metadata.uid;
  Status removed = co_await client().remove(client::resourceOf<Secret>(), kNamespace,
                                            secret->metadata.name, std::move(options), stop);
  if (!removed.ok() && !isNotFound(removed) && !isConflict(removed)) co_return removed;
  co_return Duration(0);
}

BootstrapSigner::BootstrapSigner(const Context& context)
    : Controller(context, named("bootstrap-signer-controller")),
      secrets_(client(), client::resourceOf<Secret>(), ofTokens()),
      maps_(client(), client::resourceOf<ConfigMap>(), ofClusterInfo()) {
  secrets_.addHandler([this](const client::Change&) { queue().add(kMap); });
  maps_.addHandler([this](const client::Change&) { queue().add(kMap); });
}

Task<void> BootstrapSigner::background(std::stop_token stop) {
  std::vector<Task<void>> both;
  both.push_back(secrets_.run(stop));
  both.push_back(maps_.run(stop));
  co_await whenAll(std::move(both));
}

Task<Result<Duration>> BootstrapSigner::reconcile(std::string key, std::stop_token stop) {
  if (!secrets_.synced() || !maps_.synced()) co_return Duration(kNotSynced);
  auto map = maps_.get<ConfigMap>(std::string(kPublic) + "/" + kMap);
  if (!map) co_return Duration(0);
  const auto* content = map->data.get("kubeconfig");
  std::map<std::string, std::string> wanted;
  Duration again(0);
  for (const auto& object : secrets_.list()) {
    const auto token = readTokenSecret(*object.as<Secret>());
    if (!token || !token->signing || !content) continue;
    if (token->expiresAt) {
      const auto left = *token->expiresAt - now();
      if (left <= Duration(0)) continue;
      again = again == Duration(0) ? left : std::min<Duration>(again, left);
    }
    wanted[std::string(kSignature) + token->id] = detachedSignature(*token, *content);
  }
  ConfigMap next = *map;
  std::vector<std::string> old;
  for (const auto& [name, value] : next.data) {
    if (std::string_view(name).starts_with(kSignature)) old.emplace_back(name);
  }
  for (const auto& name : old) next.data.erase(name);
  for (const auto& [name, value] : wanted) next.data.insert_or_assign(name, value);
  if (next == *map) co_return again;
  auto written = co_await client::update(client(), std::move(next), "", stop);
  if (!written.ok() && !isConflict(written.status()) && !isNotFound(written.status())) {
    co_return written.status();
  }
  co_return again;
}

}  // namespace coxswain::controllers::bootstraptokens
