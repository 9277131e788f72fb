#include "apiserver/registry/flowcontrol/defaults.h"

namespace coxswain::apiserver {

namespace v1 = api::flowcontrol::v1;

void setFlowSchemaDefaults(v1::FlowSchemaSpec& spec) {
  if (spec.matchingPrecedence == 0) spec.matchingPrecedence = 1000;
}

void setPriorityLevelDefaults(v1::PriorityLevelConfigurationSpec& spec) {
  if (spec.exempt) {
    if (!spec.exempt->nominalConcurrencyShares) spec.exempt->nominalConcurrencyShares = 0;
    if (!spec.exempt->lendablePercent) spec.exempt->lendablePercent = 0;
  }
  if (!spec.limited) return;
  if (!spec.limited->nominalConcurrencyShares) spec.limited->nominalConcurrencyShares = 30;
  if (!spec.limited->lendablePercent) spec.limited->lendablePercent = 0;
  if (!spec.limited->limitResponse.queuing) return;
  auto& queuing = *spec.limited->limitResponse.queuing;
  if (queuing.handSize == 0) queuing.handSize = 8;
  if (queuing.queues == 0) queuing.queues = 64;
  if (queuing.queueLengthLimit == 0) queuing.queueLengthLimit = 50;
}

}  // namespace coxswain::apiserver
