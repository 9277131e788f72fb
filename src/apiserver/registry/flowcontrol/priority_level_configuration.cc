#include <cmath>

#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/flowcontrol/builtin_objects.h"
#include "apiserver/registry/flowcontrol/conditions.h"
#include "apiserver/registry/flowcontrol/defaults.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using api::flowcontrol::v1::ExemptPriorityLevelConfiguration;
using api::flowcontrol::v1::LimitedPriorityLevelConfiguration;
using api::flowcontrol::v1::LimitResponse;
using api::flowcontrol::v1::PriorityLevelConfiguration;
using api::flowcontrol::v1::PriorityLevelConfigurationSpec;
using api::flowcontrol::v1::QueuingConfiguration;

namespace {

constexpr int32_t kQueuesMax = 10'000'000;
/// Of a flow's hash, for dealing it a hand of queues.
constexpr int kHashBitsMax = 60;

int dealingBits(int32_t queues, int32_t handSize) {
  return static_cast<int>(std::ceil(std::log2(static_cast<double>(queues)) * handSize));
}

void checkQueuing(const QueuingConfiguration& queuing, const FieldPath& path, FieldErrors& errors) {
  constexpr std::string_view kPositive = "must be positive";
  if (queuing.queueLengthLimit <= 0) {
    errors.invalid(path.child("queueLengthLimit"), queuing.queueLengthLimit, kPositive);
  }
  const auto queues = path.child("queues");
  if (queuing.queues <= 0) {
    errors.invalid(queues, queuing.queues, kPositive);
  } else if (queuing.queues > kQueuesMax) {
    errors.invalid(queues, queuing.queues,
                   "must not be greater than " + std::to_string(kQueuesMax));
  }
  const auto hand = path.child("handSize");
  if (queuing.handSize <= 0) {
    errors.invalid(hand, queuing.handSize, kPositive);
  } else if (queuing.handSize > queuing.queues) {
    errors.invalid(hand, queuing.handSize,
                   "should not be greater than queues (" + std::to_string(queuing.queues) + ")");
  } else if (dealingBits(queuing.queues, queuing.handSize) > kHashBitsMax) {
    errors.invalid(hand, queuing.handSize,
                   "required entropy bits of deckSize " + std::to_string(queuing.queues) +
                       " and handSize " + std::to_string(queuing.handSize) +
                       " should not be greater than " + std::to_string(kHashBitsMax));
  }
}

void checkResponse(const LimitResponse& response, const FieldPath& path, FieldErrors& errors) {
  const auto queuing = path.child("queuing");
  if (response.type == "Reject") {
    if (response.queuing) {
      errors.forbidden(queuing, "must be nil if limited.limitResponse.type is not Limited");
    }
  } else if (response.type == "Queue") {
    if (response.queuing) {
      checkQueuing(*response.queuing, queuing, errors);
    } else {
      errors.required(queuing, "must not be empty if limited.limitResponse.type is Limited");
    }
  } else {
    errors.notSupported(path.child("type"), response.type, {"Queue", "Reject"});
  }
}

void checkLendable(std::optional<int32_t> percent, const FieldPath& path, FieldErrors& errors) {
  if (percent && (*percent < 0 || *percent > 100)) {
    errors.invalid(path.child("lendablePercent"), *percent, "must be between 0 and 100, inclusive");
  }
}

void checkLimited(const LimitedPriorityLevelConfiguration& limited, const FieldPath& path,
                  FieldErrors& errors) {
  const auto shares = limited.nominalConcurrencyShares.value_or(0);
  if (shares < 0) {
    errors.invalid(path.child("nominalConcurrencyShares"), shares,
                   "must be a non-negative integer");
  }
  checkResponse(limited.limitResponse, path.child("limitResponse"), errors);
  checkLendable(limited.lendablePercent, path, errors);
  if (limited.borrowingLimitPercent && *limited.borrowingLimitPercent < 0) {
    errors.invalid(path.child("borrowingLimitPercent"), *limited.borrowingLimitPercent,
                   "if specified, must be a non-negative integer");
  }
}

void checkExempt(const ExemptPriorityLevelConfiguration& exempt, const FieldPath& path,
                 FieldErrors& errors) {
  if (exempt.nominalConcurrencyShares && *exempt.nominalConcurrencyShares < 0) {
    errors.invalid(path.child("nominalConcurrencyShares"), *exempt.nominalConcurrencyShares,
                   "must be a non-negative integer");
  }
  checkLendable(exempt.lendablePercent, path, errors);
}

void checkSpec(const PriorityLevelConfiguration& level, const FieldPath& path,
               FieldErrors& errors) {
  const auto& spec = level.spec;
  const auto type = path.child("type");
  if ((level.metadata.name == "exempt") != (spec.type == "Exempt")) {
    errors.invalid(type, spec.type, "type must be 'Exempt' if and only if name is 'exempt'");
  }
  if (spec.type == "Exempt") {
    if (spec.limited) {
      errors.forbidden(path.child("limited"), "must be nil if the type is not Limited");
    }
    if (spec.exempt) {
      checkExempt(*spec.exempt, path.child("exempt"), errors);
    } else {
      errors.required(path.child("exempt"), "must not be empty when type is Exempt");
    }
  } else if (spec.type == "Limited") {
    if (spec.exempt) {
      errors.forbidden(path.child("exempt"), "must be nil if the type is Limited");
    }
    if (spec.limited) {
      checkLimited(*spec.limited, path.child("limited"), errors);
    } else {
      errors.required(path.child("limited"), "must not be empty when type is Limited");
    }
  } else {
    errors.notSupported(type, spec.type, {"Exempt", "Limited"});
  }
}

/// The mandatory exempt level may lend and have shares as its users like.
bool isFixed(const PriorityLevelConfiguration& level, const PriorityLevelConfiguration& fixed) {
  auto spec = level.spec;
  if (spec.type == "Exempt") spec.exempt = fixed.spec.exempt;
  return api::semanticEqual(spec, fixed.spec);
}

class PriorityLevelStrategy final : public TypedStrategy<PriorityLevelConfiguration> {
 public:
  PriorityLevelStrategy()
      : TypedStrategy(StrategyTraits{.generation = true, .statusResets = {".spec", ".metadata"}}) {}

 protected:
  void defaults(PriorityLevelConfiguration& level) const override {
    setPriorityLevelDefaults(level.spec);
  }
  void check(const PriorityLevelConfiguration& level, FieldErrors& errors) const override {
    const FieldPath path("spec");
    checkSpec(level, path, errors);
    const auto* fixed = mandatoryPriorityLevel(level.metadata.name);
    if (fixed && !isFixed(level, *fixed)) {
      errors.invalid(
          path, api::FieldValue::json(internalJson(level.spec)),
          "spec of '" + level.metadata.name +
              (level.metadata.name == "exempt" ? "' except the 'spec.exempt' field" : "'") +
              " must equal the fixed value");
    }
    checkFlowControlConditions(level.status.conditions, errors);
  }
  void beforeStatusUpdate(PriorityLevelConfiguration& next,
                          const PriorityLevelConfiguration& current) const override {
    keepMetadata(next.metadata, current.metadata);
  }
  void checkStatusUpdate(const PriorityLevelConfiguration& next, const PriorityLevelConfiguration&,
                         FieldErrors& errors) const override {
    checkFlowControlConditions(next.status.conditions, errors);
  }
};

}  // namespace

std::unique_ptr<Strategy> makePriorityLevelConfigurationStrategy() {
  return std::make_unique<PriorityLevelStrategy>();
}

}  // namespace coxswain::apiserver
