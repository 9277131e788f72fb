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
