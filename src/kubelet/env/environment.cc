#include "kubelet/env/environment.h"

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "api/names/names.h"
#include "kubelet/env/field_ref.h"
#include "kubelet/env/references.h"
#include "kubelet/env/service_variables.h"

namespace coxswain::kubelet {

using api::core::v1::Container;
using api::core::v1::EnvVar;
using api::core::v1::Pod;
using api::core::v1::Service;

namespace {

constexpr std::string_view kMasterService = "kubernetes";

std::string joinNames(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

}  // namespace

/// One container's environment in the making.
class EnvironmentMaker::Assembly {
 public:
  Assembly(EnvironmentMaker& maker, const Pod& pod, const Container& container,
           const EnvironmentFacts& facts, EnvironmentMap services, std::stop_token stop)
      : maker_(maker),
        pod_(pod),
        container_(container),
        facts_(facts),
        services_(std::move(services)),
        stop_(std::move(stop)) {}

  Task<Status> run() {
    for (const auto& from : container_.envFrom) {
      if (from.configMapRef) CO_TRY_STATUS(co_await addConfigMap(from));
      if (from.secretRef) CO_TRY_STATUS(co_await addSecret(from));
    }
    for (const auto& variable : container_.env) {
      CO_TRY(auto value, co_await valueOf(variable));
      if (value) set(variable.name, std::move(*value));
    }
    co_return Status();
  }

  std::vector<EnvironmentVariable> take() {
    std::vector<EnvironmentVariable> all;
    all.reserve(order_.size() + services_.size());
    for (auto& name : order_) {
      auto& value = own_.find(name)->second;
      all.push_back({std::move(name), std::move(value)});
    }
    for (auto& [name, value] : services_) {
      if (!own_.contains(name)) all.push_back({name, std::move(value)});
    }
    return all;
  }

 private:
  void set(std::string_view name, std::string value) {
    const auto [at, fresh] = own_.insert_or_assign(std::string(name), std::move(value));
    if (fresh) order_.emplace_back(name);
  }

  Task<Status> addConfigMap(const api::core::v1::EnvFromSource& from) {
    const auto& reference = *from.configMapRef;
    const std::string& name = reference.localObjectReference.name;
    auto map = co_await maker_.objects_.configMap(pod_.metadata.namespace_, name, stop_);
    if (!map.ok()) {
      const bool skip = isNotFound(map.status()) && reference.optional.value_or(false);
      co_return skip ? Status() : map.status();
    }
    std::vector<std::string> invalid;
    for (const auto& [key, value] : (*map)->data) addPrefixed(from.prefix, key, value, invalid);
    tellInvalid("configMap", name, invalid);
    co_return Status();
  }

  Task<Status> addSecret(const api::core::v1::EnvFromSource& from) {
    const auto& reference = *from.secretRef;
    const std::string& name = reference.localObjectReference.name;
    auto secret = co_await maker_.objects_.secret(pod_.metadata.namespace_, name, stop_);
    if (!secret.ok()) {
      const bool skip = isNotFound(secret.status()) && reference.optional.value_or(false);
      co_return skip ? Status() : secret.status();
    }
    std::vector<std::string> invalid;
    for (const auto& [key, value] : (*secret)->data) {
      addPrefixed(from.prefix, key, value.data, invalid);
    }
    tellInvalid("secret", name, invalid);
    co_return Status();
  }

  void addPrefixed(const std::string& prefix, const std::string& key, const std::string& value,
                   std::vector<std::string>& invalid) {
    const std::string name = prefix + key;
    if (!api::validateEnvVarName(name).empty()) {
      invalid.push_back(name);
    } else {
      set(name, value);
    }
  }

  void tellInvalid(std::string_view kind, const std::string& name,
                   const std::vector<std::string>& invalid) {
    if (invalid.empty()) return;
    maker_.events_.event(podReference(pod_), client::kEventWarning,
                         "InvalidEnvironmentVariableNames",
                         "Keys [" + joinNames(invalid) + "] from the EnvFrom " + std::string(kind) +
                             " " + pod_.metadata.namespace_ + "/" + name +
                             " were skipped since they are considered invalid environment "
                             "variable names.");
  }

  /// Nothing: the variable is left out (an optional reference to what is not there).
  Task<Result<std::optional<std::string>>> valueOf(const EnvVar& variable) {
    if (!variable.value.empty() || !variable.valueFrom) {
      co_return std::optional<std::string>(
          expandVariables(variable.value, [this](std::string_view name) { return lookup(name); }));
    }
    const auto& from = *variable.valueFrom;
    if (from.fieldRef) {
      CO_TRY(auto value, podFieldValue(pod_, from.fieldRef->fieldPath, facts_));
      co_return std::optional<std::string>(std::move(value));
    }
    if (from.resourceFieldRef) {
      CO_TRY(auto value, resourceFieldValue(pod_, &container_, *from.resourceFieldRef, facts_));
      co_return std::optional<std::string>(std::move(value));
    }
    if (from.configMapKeyRef) {
      auto value = co_await configMapKey(*from.configMapKeyRef);
      co_return value;
    }
    if (from.secretKeyRef) {
      auto value = co_await secretKey(*from.secretKeyRef);
      co_return value;
    }
    if (from.fileKeyRef) {
      co_return badRequest("environment variable " + variable.name +
                           ": fileKeyRef is not supported by this kubelet");
    }
    co_return std::optional<std::string>(std::string());
  }

  Task<Result<std::optional<std::string>>> configMapKey(
      const api::core::v1::ConfigMapKeySelector& selector) {
    const std::string& name = selector.localObjectReference.name;
    const bool optional = selector.optional.value_or(false);
    auto map = co_await maker_.objects_.configMap(pod_.metadata.namespace_, name, stop_);
    if (!map.ok()) {
      if (optional && isNotFound(map.status())) co_return std::optional<std::string>();
      co_return map.status();
    }
    if (const auto* value = (*map)->data.get(selector.key)) {
      co_return std::optional<std::string>(*value);
    }
    if (optional) co_return std::optional<std::string>();
    co_return badRequest("couldn't find key " + selector.key + " in ConfigMap " +
                         pod_.metadata.namespace_ + "/" + name);
  }

  Task<Result<std::optional<std::string>>> secretKey(
      const api::core::v1::SecretKeySelector& selector) {
    const std::string& name = selector.localObjectReference.name;
    const bool optional = selector.optional.value_or(false);
    auto secret = co_await maker_.objects_.secret(pod_.metadata.namespace_, name, stop_);
    if (!secret.ok()) {
      if (optional && isNotFound(secret.status())) co_return std::optional<std::string>();
      co_return secret.status();
    }
    if (const auto* value = (*secret)->data.get(selector.key)) {
      co_return std::optional<std::string>(value->data);
    }
    if (optional) co_return std::optional<std::string>();
    co_return badRequest("couldn't find key " + selector.key + " in Secret " +
                         pod_.metadata.namespace_ + "/" + name);
  }

  [[nodiscard]] std::optional<std::string> lookup(std::string_view name) const {
    if (const auto own = own_.find(name); own != own_.end()) return own->second;
    if (const auto service = services_.find(name); service != services_.end()) {
      return service->second;
    }
    return std::nullopt;
  }

  EnvironmentMaker& maker_;
  const Pod& pod_;
  const Container& container_;
  const EnvironmentFacts& facts_;
  EnvironmentMap services_;
  std::stop_token stop_;
  EnvironmentMap own_;
  std::vector<std::string> order_;
};

Result<EnvironmentMap> EnvironmentMaker::serviceVariables(const Pod& pod) const {
  if (!services_.synced()) {
    return serviceUnavailable(
        "services have not yet been read at least once, cannot construct envvars");
  }
  const bool links = pod.spec.enableServiceLinks.value_or(true);
  const std::string& ns = pod.metadata.namespace_;
  std::map<std::string, std::shared_ptr<const Service>> chosen;
  services_.forEach([&](const api::ConstObject& object) {
    auto service = object.sharedAs<Service>();
    if (!service || !api::hasClusterIp(*service)) return;
    const auto& meta = service->metadata;
    if (links && meta.namespace_ == ns) {
      chosen[meta.name] = std::move(service);
    } else if (meta.namespace_ == "default" && meta.name == kMasterService) {
      chosen.try_emplace(meta.name, std::move(service));
    }
  });
  EnvironmentMap variables;
  for (const auto& [name, service] : chosen) addServiceVariables(*service, variables);
  return variables;
}

Task<Result<std::vector<EnvironmentVariable>>> EnvironmentMaker::make(
    std::shared_ptr<const Pod> pod, std::shared_ptr<const Container> container,
    EnvironmentFacts facts, std::stop_token stop) {
  CO_TRY(auto services, serviceVariables(*pod));
  Assembly assembly(*this, *pod, *container, facts, std::move(services), stop);
  CO_TRY_STATUS(co_await assembly.run());
  co_return assembly.take();
}

}  // namespace coxswain::kubelet
