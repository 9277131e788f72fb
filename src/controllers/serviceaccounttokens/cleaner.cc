#include "controllers/serviceaccounttokens/cleaner.h"

#include <algorithm>
#include <optional>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/meta/time.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::controllers::serviceaccounttokens {

using api::core::v1::ConfigMap;
using api::core::v1::Pod;
using api::core::v1::Secret;
using api::core::v1::ServiceAccount;

namespace {

const Logger kLog("legacy-serviceaccount-token-cleaner-controller");

constexpr auto kEvery = 24h;
constexpr auto kRetryAfter = 10min;
constexpr const char* kTracking = "kube-apiserver-legacy-service-account-token-tracking";
constexpr std::string_view kLastUsed = "kubernetes.io/legacy-token-last-used";
constexpr std::string_view kInvalidSince = "kubernetes.io/legacy-token-invalid-since";
constexpr const char* kType = "kubernetes.io/service-account-token";

Controller::Options controllerOptions() {
  Controller::Options o;
  o.name = "legacy-serviceaccount-token-cleaner-controller";
  o.workers = 1;
  return o;
}

/// "2024-01-31"; nothing: no such day.
std::optional<WallTime> dayOf(std::string_view text) {
  if (text.size() != 10) return std::nullopt;
  auto at = api::Time::parse(std::string(text) + "T00:00:00Z");
  if (!at.ok()) return std::nullopt;
  return at->wall();
}

std::optional<WallTime> dayLabel(const Secret& secret, std::string_view label) {
  const auto* value = secret.metadata.labels.get(label);
  return value ? dayOf(*value) : std::nullopt;
}

}  // namespace

LegacyTokenCleaner::LegacyTokenCleaner(const Context& context, Duration cleanUpPeriod)
    : Controller(context, controllerOptions()),
      period_(cleanUpPeriod),
      accounts_(use<ServiceAccount>()),
      pods_(use<Pod>()) {}

Task<Result<Duration>> LegacyTokenCleaner::reconcile(std::string, std::stop_token) {
  co_return Duration(0);
}

Task<void> LegacyTokenCleaner::background(std::stop_token stop) {
  while (!stop.stop_requested()) {
    Status done = co_await round(stop);
    if (stop.stop_requested()) break;
    if (!done.ok()) kLog.warn("tokens could not be looked at", {{"why", done}});
    Status slept = co_await sleepFor(done.ok() ? Duration(kEvery) : Duration(kRetryAfter), stop);
    if (!slept.ok()) break;
  }
}

Task<Result<WallTime>> LegacyTokenCleaner::trackedSince(std::stop_token stop) {
  CO_TRY(auto map, co_await client::get<ConfigMap>(client(), "kube-system", kTracking, stop));
  const auto* since = map->data.get("since");
  const auto day = since ? dayOf(*since) : std::nullopt;
  if (!day) co_return badRequest(std::string(kTracking) + ": \"since\" is no day");
  co_return *day;
}

std::set<std::string> LegacyTokenCleaner::automatic() const {
  std::set<std::string> out;
  accounts_.forEach([&out](const api::ConstObject& object) {
    const auto& account = *object.as<ServiceAccount>();
    for (const auto& one : account.secrets) {
      out.insert(account.metadata.namespace_ + "/" + one.name);
    }
  });
  return out;
}

std::set<std::string> LegacyTokenCleaner::mounted() const {
  std::set<std::string> out;
  pods_.forEach([&out](const api::ConstObject& object) {
    const auto& pod = *object.as<Pod>();
    for (const auto& volume : pod.spec.volumes) {
      const auto& secret = volume.volumeSource.secret;
      if (secret) out.insert(pod.metadata.namespace_ + "/" + secret->secretName);
    }
  });
  return out;
}

Task<Status> LegacyTokenCleaner::round(std::stop_token stop) {
  CO_TRY(const auto since, co_await trackedSince(stop));
  const auto before = now() - period_;
  // Who used what is not known for long enough yet.
  if (since > before) co_return Status();
  client::ListOptions options;
  options.fieldSelector = std::string("type=") + kType;
  CO_TRY(auto list, co_await client().list(client::resourceOf<Secret>(), "", options, stop));
  const auto made = automatic();
  const auto used = mounted();
  for (const auto& object : list.items) {
    const auto& secret = *object.as<Secret>();
    const auto& meta = secret.metadata;
    const auto key = client::objectKey(object);
    if (!made.contains(key) || used.contains(key)) continue;
    if (meta.creationTimestamp.wall() > before) continue;
    if (auto last = dayLabel(secret, kLastUsed); last && *last > before) continue;
    const auto invalid = dayLabel(secret, kInvalidSince);
    if (invalid && *invalid > before) continue;
    Status done;
    if (invalid) {
      client::DeleteOptions precondition;
      precondition.uid = meta.uid;
      precondition.resourceVersion = meta.resourceVersion;
      done = co_await client().remove(client::resourceOf<Secret>(), meta.namespace_, meta.name,
                                      std::move(precondition), stop);
    } else {
      Secret next = secret;
      next.metadata.labels.insert_or_assign(kInvalidSince, api::Time(now()).str().substr(0, 10));
      auto written = co_await client::update(client(), std::move(next), "", stop);
      done = written.status();
    }
    if (!done.ok() && !isNotFound(done) && !isConflict(done)) co_return done;
  }
  co_return Status();
}

}  // namespace coxswain::controllers::serviceaccounttokens
