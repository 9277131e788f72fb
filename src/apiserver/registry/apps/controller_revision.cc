#include "api/gen/apps_v1.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::apps::v1::ControllerRevision;

namespace {

class ControllerRevisionKind final : public TypedStrategy<ControllerRevision> {
 public:
  ControllerRevisionKind() : TypedStrategy(StrategyTraits{}) {}

 protected:
  void check(const ControllerRevision& object, FieldErrors& errors) const override {
    checkRevision(object, errors);
    const FieldPath path("data");
    const auto& raw = object.data.raw;
    const auto start = raw.find_first_not_of(" \t\r\n");
    if (start == std::string::npos) {
      errors.required(path, "data is mandatory");
    } else if (raw[start] != '{') {
      errors.required(path, "data must be a valid JSON object");
    }
  }
  void checkUpdate(const ControllerRevision& next, const ControllerRevision& current,
                   FieldErrors& errors) const override {
    checkRevision(next, errors);
    if (next.data == current.data) return;
    const auto& raw = next.data.raw;
    errors.invalid(FieldPath("data"), api::FieldValue::json(raw.empty() ? "null" : raw),
                   kImmutableText);
  }

 private:
  static void checkRevision(const ControllerRevision& object, FieldErrors& errors) {
    checkNonNegative(object.revision, FieldPath("revision"), errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeControllerRevisionStrategy() {
  return std::make_unique<ControllerRevisionKind>();
}

}  // namespace coxswain::apiserver
