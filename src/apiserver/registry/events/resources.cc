#include "api/gen/core_v1.h"
#include "api/gen/events_v1.h"
#include "apiserver/registry/events/event_rules.h"
#include "apiserver/registry/strategies.h"
#include "apiserver/registry/table.h"

namespace coxswain::apiserver {

void addEvents(ResourceTable& table) {
  using namespace api::events::v1;  // NOLINT
  auto& events = table.add<Event, EventList>({.plural = "events",
                                              .singular = "event",
                                              .shortName = "ev",
                                              .keyPrefix = "/registry/events",
                                              .storageVersionHash = "r2yiGXH7wu8="},
                                             makeEventsEventStrategy());
  storeAs<toCoreEvent, fromCoreEvent, Event, api::core::v1::Event>(events);
}

}  // namespace coxswain::apiserver
