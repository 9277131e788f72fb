#pragma once

#include "api/names/field_error.h"

namespace coxswain::api {
namespace core::v1 {
struct Event;
}
namespace events::v1 {
struct Event;
}
}  // namespace coxswain::api

namespace coxswain::apiserver {

// Both event APIs store core/v1 Events; events.k8s.io is another look at them, with stricter rules.

api::core::v1::Event toCoreEvent(const api::events::v1::Event& event);
api::events::v1::Event fromCoreEvent(const api::core::v1::Event& event);

enum class EventApi : bool { Core, Events };

void validateEvent(const api::core::v1::Event& event, EventApi from, api::FieldErrors& errors);
void validateEventUpdate(const api::core::v1::Event& next, const api::core::v1::Event& current,
                         EventApi from, api::FieldErrors& errors);

}  // namespace coxswain::apiserver
