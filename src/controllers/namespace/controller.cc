#include "controllers/namespace/controller.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/gen/apiregistration_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "client/resources.h"
#include "controllers/framework/collections.h"
#include "controllers/framework/foreign_kinds.h"
#include "runtime/spawn.h"

namespace coxswain::controllers::nspace {

using api::core::v1::Namespace;
using api::core::v1::Pod;

namespace {

constexpr std::string_view kFinalizer = "kubernetes";
/// How long objects with finalizers are given before the next look.
constexpr int64_t kFinalizerSeconds = 15;
constexpr size_t kAtOnce = 32;

Controller::Options options(int workers) {
  Controller::Options o;
  o.name = "namespace-controller";
  o.workers = workers;
  o.queue.maxDelay = 60s;
  return o;
}

std::vector<const client::ResourceType*> namespacedKinds() {
  std::vector<const client::ResourceType*> kinds;
  for (const auto* type : storedCollections()) {
    if (type->namespaced) kinds.push_back(type);
  }
  return kinds;
}

int64_t graceOf(const api::ConstObject& object) {
  const auto* pod = object.as<Pod>();
  if (pod == nullptr || api::isPodTerminal(*pod)) return 0;
  return pod->spec.terminationGracePeriodSeconds.value_or(0);
}

/// The server does not have this kind.
bool isAbsent(const Status& status) {
  return isNotFound(status) || status.reason() == Reason::MethodNotAllowed;
}

}  // namespace

NamespaceController::NamespaceController(const Context& context, int workers)
    : Controller(context, options(workers)),
      namespaces_(use<Namespace>()),
      apiServices_(use<api::apiregistration::v1::APIService>()),
      kinds_(namespacedKinds()) {
  namespaces_.addHandler([this](const client::Change& change) {
    if (change.after && api::objectMeta(change.after)->deletionTimestamp) {
      // Requests under way in other parts may still create: give them a moment.
      queue().addAfter(api::objectMeta(change.after)->name, 500ms);
    }
  });
}

Task<Result<Duration>> NamespaceController::reconcile(std::string key, std::stop_token stop) {
  auto cached = namespaces_.get<Namespace>(key);
  if (!cached || !cached->metadata.deletionTimestamp) co_return Duration(0);
  auto got = co_await client::get<Namespace>(client(), "", key, stop);
  if (isNotFound(got.status())) co_return Duration(0);
  CO_TRY(auto space, std::move(got));
  if (!space->metadata.deletionTimestamp || space->spec.finalizers.empty()) co_return Duration(0);
  CO_TRY(Remains remains, co_await empty(key, stop));
  Namespace next = *space;
  const bool terminating = next.status.phase == "Terminating";
  next.status.phase = "Terminating";
  if (updateConditions(next.status.conditions, remains, now()) || !terminating) {
    auto written = co_await client::update(client(), std::move(next), "status", stop);
    if (!written.ok()) co_return written.status();
  }
  if (!remains.undiscovered.empty()) co_return internalError(discoveryError(remains));
  if (!remains.failures.empty()) co_return internalError(remains.failures.front());
  if (remains.resources.empty()) {
    CO_TRY_STATUS(co_await finalize(key, stop));
    co_return Duration(0);
  }
  co_return std::chrono::seconds(remains.graceSeconds / 2 + 1);
}

Task<Result<Remains>> NamespaceController::empty(std::string ns, std::stop_token stop) {
  Remains remains;
  CO_TRY(ForeignKinds foreign, co_await findForeignKinds(client(), apiServices_, stop));
  remains.undiscovered = std::move(foreign.failures);
  for (const auto* type : kinds_) {
    Status done = co_await emptyCollection(*type, ns, remains, stop);
    if (isCanceled(done)) co_return done;
    if (!done.ok()) remains.failures.push_back(done.message());
    // What pods use stays until they are gone.
    if (type == kinds_.front() && (!remains.resources.empty() || !done.ok())) break;
  }
  for (const auto& kind : foreign.kinds) {
    if (!kind.type->namespaced || !kind.can("list") || !kind.can("delete")) continue;
    Status done = co_await emptyCollection(*kind.type, ns, remains, stop);
    if (isCanceled(done)) co_return done;
    if (!done.ok()) remains.failures.push_back(done.message());
  }
  co_return remains;
}

Task<void> NamespaceController::removeOne(const client::ResourceType& type, api::ConstObject object,
                                          Status& outcome, std::stop_token stop) {
  const auto& meta = *api::objectMeta(object);
  client::DeleteOptions options;
  options.propagationPolicy = "Background";
  outcome = co_await client().remove(type, meta.namespace_, meta.name, std::move(options), stop);
  if (isNotFound(outcome)) outcome = Status();
}

Task<Status> NamespaceController::emptyCollection(const client::ResourceType& type, std::string ns,
                                                  Remains& remains, std::stop_token stop) {
  auto listed = co_await client().list(type, ns, client::ListOptions(), stop);
  if (isAbsent(listed.status())) co_return Status();
  CO_TRY(client::ObjectList list, std::move(listed));
  std::vector<api::ConstObject> present;
  for (auto& object : list.items) {
    remains.graceSeconds = std::max(remains.graceSeconds, graceOf(object));
    if (!api::objectMeta(object)->deletionTimestamp) present.push_back(object);
  }
  if (list.items.empty()) co_return Status();
  Status failure;
  for (size_t at = 0; at < present.size(); at += kAtOnce) {
    const size_t count = std::min(kAtOnce, present.size() - at);
    std::vector<Status> outcomes(count);
    std::vector<Task<void>> tasks;
    for (size_t i = 0; i < count; ++i) {
      tasks.push_back(removeOne(type, present[at + i], outcomes[i], stop));
    }
    co_await whenAll(std::move(tasks));
    for (const auto& outcome : outcomes) {
      if (!outcome.ok()) failure = outcome;
    }
  }
  CO_TRY(client::ObjectList left, co_await client().list(type, ns, client::ListOptions(), stop));
  if (!left.items.empty()) {
    const auto name = fmt::format("{}.{}", type.plural, type.group);
    remains.resources[name] += static_cast<int64_t>(left.items.size());
  }
  for (const auto& object : left.items) {
    for (const auto& finalizer : api::objectMeta(object)->finalizers) {
      ++remains.finalizers[finalizer];
      remains.graceSeconds = std::max(remains.graceSeconds, kFinalizerSeconds);
    }
  }
  co_return failure;
}

Task<Status> NamespaceController::finalize(std::string name, std::stop_token stop) {
  CO_TRY(auto space, co_await client::get<Namespace>(client(), "", name, stop));
  Namespace next = *space;
  std::erase(next.spec.finalizers, kFinalizer);
  auto written = co_await client::update(client(), std::move(next), "finalize", stop);
  if (isNotFound(written.status())) co_return Status();
  co_return written.status();
}

}  // namespace coxswain::controllers::nspace
