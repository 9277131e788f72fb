#include "api/gen/core_v1.h"
#include "api/gen/events_v1.h"
#include "apiserver/registry/events/event_rules.h"
#include "apiserver/registry/rules.h"
#include "apiserver/registry/strategies.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using CoreEvent = api::core::v1::Event;
using EventsEvent = api::events::v1::Event;

namespace {

const std::string& sourceOf(const std::string& component, const std::string& controller) {
  return component.empty() ? controller : component;
}

class CoreEventStrategy final : public TypedStrategy<CoreEvent> {
 public:
  CoreEventStrategy()
      : TypedStrategy(StrategyTraits{
            .allowCreateOnUpdate = true,
            .fieldSelectors = {"involvedObject.kind", "involvedObject.namespace",
                               "involvedObject.name", "involvedObject.uid",
                               "involvedObject.apiVersion", "involvedObject.resourceVersion",
                               "involvedObject.fieldPath", "reason", "reportingComponent", "source",
                               "type"},
            .standardFinalizers = false}) {}

  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return pathSegmentNameRule(name, prefix);
  }

 protected:
  void check(const CoreEvent& event, FieldErrors& errors) const override {
    validateEvent(event, EventApi::Core, errors);
  }
  void checkUpdate(const CoreEvent& next, const CoreEvent& current,
                   FieldErrors& errors) const override {
    validateEventUpdate(next, current, EventApi::Core, errors);
  }
  void fields(const CoreEvent& event, api::FieldSet& out) const override {
    const auto& object = event.involvedObject;
    out.emplace_back("involvedObject.kind", object.kind);
    out.emplace_back("involvedObject.namespace", object.namespace_);
    out.emplace_back("involvedObject.name", object.name);
    out.emplace_back("involvedObject.uid", object.uid);
    out.emplace_back("involvedObject.apiVersion", object.apiVersion);
    out.emplace_back("involvedObject.resourceVersion", object.resourceVersion);
    out.emplace_back("involvedObject.fieldPath", object.fieldPath);
    out.emplace_back("reason", event.reason);
    out.emplace_back("reportingComponent", event.reportingComponent);
    out.emplace_back("source", sourceOf(event.source.component, event.reportingComponent));
    out.emplace_back("type", event.type);
  }
};

class EventsEventStrategy final : public TypedStrategy<EventsEvent> {
 public:
  EventsEventStrategy()
      : TypedStrategy(StrategyTraits{
            .allowCreateOnUpdate = true,
            .fieldSelectors = {"regarding.kind", "regarding.namespace", "regarding.name",
                               "regarding.uid", "regarding.apiVersion", "regarding.resourceVersion",
                               "regarding.fieldPath", "reason", "reportingController", "type"}}) {}

 protected:
  void check(const EventsEvent& event, FieldErrors& errors) const override {
    validateEvent(toCoreEvent(event), EventApi::Events, errors);
  }
  void checkUpdate(const EventsEvent& next, const EventsEvent& current,
                   FieldErrors& errors) const override {
    validateEventUpdate(toCoreEvent(next), toCoreEvent(current), EventApi::Events, errors);
  }
  void fields(const EventsEvent& event, api::FieldSet& out) const override {
    const auto& object = event.regarding;
    out.emplace_back("regarding.kind", object.kind);
    out.emplace_back("regarding.namespace", object.namespace_);
    out.emplace_back("regarding.name", object.name);
    out.emplace_back("regarding.uid", object.uid);
    out.emplace_back("regarding.apiVersion", object.apiVersion);
    out.emplace_back("regarding.resourceVersion", object.resourceVersion);
    out.emplace_back("regarding.fieldPath", object.fieldPath);
    out.emplace_back("reason", event.reason);
    out.emplace_back("reportingController", event.reportingController);
    out.emplace_back("type", event.type);
  }
};

}  // namespace

std::unique_ptr<Strategy> makeEventStrategy() {
  return std::make_unique<CoreEventStrategy>();
}
std::unique_ptr<Strategy> makeEventsEventStrategy() {
  return std::make_unique<EventsEventStrategy>();
}

}  // namespace coxswain::apiserver
