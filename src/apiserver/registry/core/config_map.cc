#include "api/gen/core_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::core::v1::ConfigMap;

namespace {

constexpr size_t kDataMax = 1024 * 1024;
constexpr std::string_view kImmutableSet = "field is immutable when `immutable` is set";

/// `other`: whose keys must be others. Gives the size of the values.
template <typename V>
size_t checkKeys(const api::Map<V>& data, const api::Map<api::Bytes>* other, const FieldPath& path,
                 FieldErrors& errors) {
  size_t total = 0;
  for (const auto& [key, value] : data) {
    const auto at = path.key(key);
    errors.invalidEach(at, key, api::validateConfigMapKey(key));
    if (other != nullptr && other->contains(key))
      errors.invalid(at, key, "duplicate of key present in binaryData");
    total += value.size();
  }
  return total;
}

class ConfigMapStrategy final : public TypedStrategy<ConfigMap> {
 public:
  ConfigMapStrategy() : TypedStrategy(StrategyTraits{}) {}

 protected:
  void check(const ConfigMap& map, FieldErrors& errors) const override {
    size_t total = checkKeys(map.data, &map.binaryData, FieldPath("data"), errors);
    total += checkKeys(map.binaryData, nullptr, FieldPath("binaryData"), errors);
    if (total > kDataMax) errors.tooLong(FieldPath().key(""), kDataMax);
  }
  void checkUpdate(const ConfigMap& next, const ConfigMap& current,
                   FieldErrors& errors) const override {
    if (current.immutable.value_or(false)) {
      if (!next.immutable.value_or(false)) errors.forbidden(FieldPath("immutable"), kImmutableSet);
      if (!(next.data == current.data)) errors.forbidden(FieldPath("data"), kImmutableSet);
      if (!(next.binaryData == current.binaryData)) {
        errors.forbidden(FieldPath("binaryData"), kImmutableSet);
      }
    }
    check(next, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeConfigMapStrategy() {
  return std::make_unique<ConfigMapStrategy>();
}

}  // namespace coxswain::apiserver
