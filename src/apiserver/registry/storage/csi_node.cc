#include <set>

#include "api/gen/storage_v1.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/storage/csi_names.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::storage::v1::CSINode;
using api::storage::v1::CSINodeDriver;

namespace {

constexpr size_t kNodeIdMax = 256;

void checkDriver(const CSINodeDriver& driver, std::set<std::string_view>& names,
                 const FieldPath& path, FieldErrors& errors) {
  checkCsiDriverName(driver.name, path.child("name"), errors);
  if (driver.nodeID.empty()) {
    errors.required(path.child("nodeID"));
  } else if (driver.nodeID.size() > kNodeIdMax) {
    errors.invalid(path.child("nodeID"), driver.nodeID,
                   "must be " + std::to_string(kNodeIdMax) + " characters or less");
  }
  if (driver.allocatable && driver.allocatable->count) {
    checkNonNegative(*driver.allocatable->count, path.child("allocatable").child("count"), errors);
  }
  if (!names.insert(driver.name).second) errors.duplicate(path.child("name"), driver.name);
  std::set<std::string_view> keys;
  for (const auto& key : driver.topologyKeys) {
    if (key.empty()) errors.required(path);
    if (!keys.insert(key).second) errors.duplicate(path, key);
    checkQualifiedName(key, path, errors);
  }
}

class CsiNodeStrategy final : public TypedStrategy<CSINode> {
 public:
  CsiNodeStrategy()
      : TypedStrategy(StrategyTraits{.allowUnconditionalUpdate = false, .returnsDeleted = true}) {}

 protected:
  void check(const CSINode& node, FieldErrors& errors) const override {
    const auto path = FieldPath("spec").child("drivers");
    std::set<std::string_view> names;
    for (size_t i = 0; i < node.spec.drivers.size(); ++i) {
      checkDriver(node.spec.drivers[i], names, path.index(i), errors);
    }
  }
  void checkUpdate(const CSINode& next, const CSINode& current,
                   FieldErrors& errors) const override {
    check(next, errors);
    // What a driver can attach may change, and is not shown.
    const auto fixed = [](CSINodeDriver driver) {
      driver.allocatable.reset();
      return driver;
    };
    for (const auto& old : current.spec.drivers) {
      for (const auto& driver : next.spec.drivers) {
        if (old.name != driver.name) continue;
        const auto wanted = fixed(driver);
        if (api::semanticEqual(wanted, fixed(old))) continue;
        errors.invalid(FieldPath("spec").child("drivers"),
                       api::FieldValue::json(internalJson(wanted)), kImmutableText);
      }
    }
  }
};

}  // namespace

std::unique_ptr<Strategy> makeCsiNodeStrategy() {
  return std::make_unique<CsiNodeStrategy>();
}

}  // namespace coxswain::apiserver
