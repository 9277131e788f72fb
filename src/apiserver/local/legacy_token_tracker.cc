#include "apiserver/local/legacy_token_tracker.h"

#include "api/gen/core_v1.h"
#include "api/meta/time.h"
#include "api/names/quote.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::ConfigMap;
using api::core::v1::Secret;

const Logger kLog("apiserver.authn");

constexpr const char* kName = "kube-apiserver-legacy-service-account-token-tracking";

}  // namespace

Task<Status> LegacyTokenTracker::ensure(std::stop_token stop) {
  auto present = co_await client::get<ConfigMap>(client_, "kube-system", kName, stop);
  if (present.ok() || !isNotFound(present.status())) co_return present.status();
  ConfigMap map;
  map.metadata.name = kName;
  map.metadata.namespace_ = "kube-system";
  map.data["since"] = api::Time(executor_.wallNow()).str().substr(0, 10);
  auto made = co_await client::create(client_, std::move(map), stop);
  if (made.ok() || isAlreadyExists(made.status())) co_return Status();
  co_return made.status();
}

void LegacyTokenTracker::used(std::string ns, std::string secret, std::string day) {
  auto pass = gate_.enter();
  if (!pass) return;
  spawn(executor_, write(std::move(pass), std::move(ns), std::move(secret), std::move(day)));
}

Task<void> LegacyTokenTracker::write(Gate::Pass pass, std::string ns, std::string secret,
                                     std::string day) {
  std::string body = "{\"metadata\":{\"labels\":{\"kubernetes.io/legacy-token-last-used\":";
  api::appendJsonQuoted(body, day);
  body += "}}}";
  auto written =
      co_await client_.patch(client::resourceOf<Secret>(), ns, secret, "", client::PatchType::Merge,
                             std::move(body), stop_.get_token());
  if (!written.ok() && !isNotFound(written.status()) && !stop_.stop_requested()) {
    kLog.warn("use of a token could not be noted",
              {{"namespace", ns}, {"secret", secret}, {"why", written.status()}});
  }
}

Task<void> LegacyTokenTracker::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

}  // namespace coxswain::apiserver
