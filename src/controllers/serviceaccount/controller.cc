#include "controllers/serviceaccount/controller.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "client/resources.h"
#include "controllers/framework/pod_control.h"

namespace coxswain::controllers::serviceaccount {

using api::core::v1::ConfigMap;
using api::core::v1::Namespace;
using api::core::v1::ServiceAccount;

namespace {

constexpr std::string_view kAccount = "default";
constexpr std::string_view kMap = "kube-root-ca.crt";
constexpr std::string_view kMapKey = "ca.crt";
constexpr std::string_view kDescription = "kubernetes.io/description";
constexpr std::string_view kDescriptionText =
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters.";

/// What is made and deleted before a cache sees it tells of itself by nothing: looked at again.
constexpr Duration kSeenAfter = 30s;

Controller::Options options(std::string name) {
  Controller::Options o;
  o.name = std::move(name);
  o.workers = 1;
  return o;
}

bool isActive(const Namespace& space) {
  return space.status.phase != "Terminating" && !space.metadata.deletionTimestamp;
}

/// Someone else was faster, or the namespace is about to go.
bool needsNoRetry(const Status& status) {
  return isAlreadyExists(status) || isNamespaceTerminating(status) || isNotFound(status);
}

}  // namespace

ServiceAccountController::ServiceAccountController(const Context& context)
    : Controller(context, options("serviceaccount-controller")),
      namespaces_(use<Namespace>()),
      accounts_(use<ServiceAccount>()) {
  namespaces_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(api::objectMeta(change.after)->name);
  });
  accounts_.addHandler([this](const client::Change& change) {
    if (!change.after) queue().add(api::objectMeta(change.before)->namespace_);
  });
}

Task<Result<Duration>> ServiceAccountController::reconcile(std::string key, std::stop_token stop) {
  auto space = namespaces_.get<Namespace>(key);
  if (!space || !isActive(*space)) co_return Duration(0);
  if (accounts_.get(key + "/" + std::string(kAccount))) co_return Duration(0);
  ServiceAccount account;
  account.metadata.name = kAccount;
  account.metadata.namespace_ = key;
  auto made = co_await client::create(client(), std::move(account), stop);
  if (!made.ok() && !needsNoRetry(made.status())) co_return made.status();
  co_return kSeenAfter;
}

RootCaPublisher::RootCaPublisher(const Context& context, std::string rootCa)
    : Controller(context, options("root-ca-certificate-publisher-controller")),
      namespaces_(use<Namespace>()),
      maps_(use<ConfigMap>()),
      rootCa_(std::move(rootCa)) {
  namespaces_.addHandler([this](const client::Change& change) {
    if (change.after) queue().add(api::objectMeta(change.after)->name);
  });
  maps_.addHandler([this](const client::Change& change) {
    const auto& meta = *api::objectMeta(change.after ? change.after : change.before);
    if (meta.name == kMap) queue().add(meta.namespace_);
  });
}

Task<Result<Duration>> RootCaPublisher::reconcile(std::string key, std::stop_token stop) {
  auto space = namespaces_.get<Namespace>(key);
  if (!space || !isActive(*space)) co_return Duration(0);
  auto known = maps_.get<ConfigMap>(key + "/" + std::string(kMap));
  ConfigMap wanted;
  if (known) wanted = *known;
  wanted.metadata.name = kMap;
  wanted.metadata.namespace_ = key;
  wanted.metadata.annotations[kDescription] = kDescriptionText;
  wanted.data.clear();
  wanted.data[kMapKey] = rootCa_;
  if (known && wanted == *known) co_return Duration(0);
  if (known) {
    auto written = co_await client::update(client(), std::move(wanted), "", stop);
    if (!written.ok()) co_return written.status();
    co_return Duration(0);
  }
  auto made = co_await client::create(client(), std::move(wanted), stop);
  if (!made.ok() && !needsNoRetry(made.status())) co_return made.status();
  co_return kSeenAfter;
}

}  // namespace coxswain::controllers::serviceaccount
