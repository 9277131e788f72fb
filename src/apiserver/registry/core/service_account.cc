#include "api/gen/core_v1.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::core::v1::ServiceAccount;

namespace {

class ServiceAccountStrategy final : public TypedStrategy<ServiceAccount> {
 public:
  ServiceAccountStrategy() : TypedStrategy(StrategyTraits{.returnsDeleted = true}) {}

 protected:
  void beforeCreate(ServiceAccount& object) const override { keepSecretNames(object); }
  void beforeUpdate(ServiceAccount& next, const ServiceAccount&) const override {
    keepSecretNames(next);
  }

  void warn(const ServiceAccount& next, const ServiceAccount* current,
            std::vector<std::string>& out) const override {
    constexpr std::string_view kMountable = "kubernetes.io/enforce-mountable-secrets";
    if (!next.metadata.annotations.contains(kMountable)) return;
    if (current && current->metadata.annotations.contains(kMountable)) return;
    out.push_back("metadata.annotations[" + std::string(kMountable) +
                  "]: deprecated in v1.32+; prefer separate namespaces to isolate access to "
                  "mounted secrets");
  }

 private:
  static void keepSecretNames(ServiceAccount& object) {
    for (auto& secret : object.secrets) {
      api::core::v1::ObjectReference only;
      only.name = std::move(secret.name);
      secret = std::move(only);
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeServiceAccountStrategy() {
  return std::make_unique<ServiceAccountStrategy>();
}

}  // namespace coxswain::apiserver
