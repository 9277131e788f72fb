#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/core/json_object.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"
#include "net/key_pair.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::Secret;

namespace {

constexpr size_t kDataMax = 1024 * 1024;
constexpr std::string_view kImmutableSet = "field is immutable when `immutable` is set";
constexpr std::string_view kRedacted = "<secret contents redacted>";
constexpr std::string_view kServiceAccountName = "kubernetes.io/service-account.name";

void checkDockerConfig(const Secret& secret, std::string_view key, FieldErrors& errors) {
  const auto path = FieldPath("data").key(key);
  const auto* bytes = secret.data.get(key);
  if (!bytes) return errors.required(path);
  const auto problem = jsonObjectProblem(bytes->data);
  if (!problem.empty()) errors.invalid(path, kRedacted, problem);
}

void checkType(const Secret& secret, FieldErrors& errors) {
  const FieldPath data("data");
  const auto require = [&](std::string_view key) {
    if (!secret.data.contains(key)) errors.required(data.key(key));
  };
  const std::string_view type = secret.type;
  if (type == "kubernetes.io/service-account-token") {
    const auto* name = secret.metadata.annotations.get(kServiceAccountName);
    if (!name || name->empty()) {
      errors.required(FieldPath("metadata").child("annotations").key(kServiceAccountName));
    }
  } else if (type == "kubernetes.io/dockercfg") {
    checkDockerConfig(secret, ".dockercfg", errors);
  } else if (type == "kubernetes.io/dockerconfigjson") {
    checkDockerConfig(secret, ".dockerconfigjson", errors);
  } else if (type == "kubernetes.io/basic-auth") {
    if (!secret.data.contains("username") && !secret.data.contains("password")) {
      require("username");
      require("password");
    }
  } else if (type == "kubernetes.io/ssh-auth") {
    const auto* key = secret.data.get("ssh-privatekey");
    if (!key || key->empty()) errors.required(data.key("ssh-privatekey"));
  } else if (type == "kubernetes.io/tls") {
    require("tls.crt");
    require("tls.key");
  }
}

class SecretStrategy final : public TypedStrategy<Secret> {
 public:
  SecretStrategy() : TypedStrategy(StrategyTraits{.fieldSelectors = {"type"}}) {}

 protected:
  void defaults(Secret& secret) const override {
    if (secret.type.empty()) secret.type = "Opaque";
    // Write-only: readers see it in data.
    for (auto& [key, value] : secret.stringData) {
      secret.data.insert_or_assign(key, api::Bytes(std::move(value)));
    }
    secret.stringData.clear();
  }
  void check(const Secret& secret, FieldErrors& errors) const override {
    const FieldPath data("data");
    size_t total = 0;
    for (const auto& [key, value] : secret.data) {
      errors.invalidEach(data.key(key), key, api::validateConfigMapKey(key));
      total += value.size();
    }
    if (total > kDataMax) errors.tooLong(data, kDataMax);
    checkType(secret, errors);
  }
  void beforeUpdate(Secret& next, const Secret& current) const override {
    if (next.type.empty()) next.type = current.type;
  }
  void checkUpdate(const Secret& next, const Secret& current, FieldErrors& errors) const override {
    checkImmutable(next.type, current.type, FieldPath("type"), errors);
    if (current.immutable.value_or(false)) {
      if (!next.immutable.value_or(false)) errors.forbidden(FieldPath("immutable"), kImmutableSet);
      if (!(next.data == current.data)) errors.forbidden(FieldPath("data"), kImmutableSet);
    }
    check(next, errors);
  }
  void warn(const Secret& next, const Secret*, std::vector<std::string>& out) const override {
    if (next.type != "kubernetes.io/tls") return;
    const auto bytes = [&](std::string_view key) {
      const auto* value = next.data.get(key);
      return value ? std::string_view(value->data) : std::string_view();
    };
    auto fault = net::keyPairFault(bytes("tls.crt"), bytes("tls.key"));
    if (!fault.empty()) out.push_back(std::move(fault));
  }
  void fields(const Secret& secret, api::FieldSet& out) const override {
    out.emplace_back("type", secret.type);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeSecretStrategy() {
  return std::make_unique<SecretStrategy>();
}

}  // namespace coxswain::apiserver
