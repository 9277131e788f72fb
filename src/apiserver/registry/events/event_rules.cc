#include "apiserver/registry/events/event_rules.h"

#include "api/gen/core_v1.h"
#include "api/gen/events_v1.h"
#include "api/names/names.h"
#include "apiserver/registry/core/pod_internal_json.h"
#include "apiserver/registry/rules.h"

namespace coxswain::apiserver {

using api::FieldErrors;
using api::FieldPath;
using CoreEvent = api::core::v1::Event;
using api::core::v1::ObjectReference;

namespace {

constexpr size_t kShortMax = 128;
constexpr size_t kNoteMax = 1024;
constexpr std::string_view kOtherNamespace = "does not match event.namespace";
constexpr std::string_view kUnset = "needs to be unset";

void checkLength(std::string_view text, size_t max, const FieldPath& path, FieldErrors& errors) {
  if (text.size() <= max) return;
  errors.invalid(path, "", "can have at most " + std::to_string(max) + " characters");
}

void checkShort(std::string_view text, std::string_view field, FieldErrors& errors) {
  const FieldPath path(field);
  requireText(text, path, errors);
  checkLength(text, kShortMax, path, errors);
}

/// What holds for events of either API.
void checkCommon(const CoreEvent& event, EventApi from, FieldErrors& errors) {
  const auto& regarding = event.involvedObject.namespace_;
  const auto& own = event.metadata.namespace_;
  const auto path = FieldPath("involvedObject").child("namespace");
  if (event.eventTime.isZero()) {
    const bool fits = regarding.empty() ? own.empty() || own == "default" : own == regarding;
    if (!fits) errors.invalid(path, regarding, kOtherNamespace);
  } else {
    if (regarding.empty() && own != "default" && own != "kube-system") {
      errors.invalid(path, regarding, kOtherNamespace);
    }
    const FieldPath controller(from == EventApi::Core ? "reportingComponent"
                                                      : "reportingController");
    requireText(event.reportingComponent, controller, errors);
    checkQualifiedName(event.reportingComponent, controller, errors);
    checkShort(event.reportingInstance, "reportingInstance", errors);
    checkShort(event.action, "action", errors);
    checkShort(event.reason, "reason", errors);
    checkLength(event.message, kNoteMax, FieldPath("message"), errors);
  }
  checkDns1123Subdomain(own, FieldPath("namespace"), errors);
}

api::FieldValue shown(const ObjectReference& reference) {
  return api::FieldValue::json(internalJson(reference));
}

void checkSeries(const CoreEvent& event, FieldErrors& errors) {
  if (!event.series) return;
  if (event.series->count < 2) {
    errors.invalid(FieldPath("series.count"), "", "should be at least 2");
  }
  if (event.series->lastObservedTime.isZero()) {
    errors.required(FieldPath("series.lastObservedTime"));
  }
}

}  // namespace

void validateEvent(const CoreEvent& event, EventApi from, FieldErrors& errors) {
  checkCommon(event, from, errors);
  if (from == EventApi::Core) return;
  checkSeries(event, errors);
  if (event.eventTime.isZero()) errors.required(FieldPath("eventTime"));
  if (event.type != "Normal" && event.type != "Warning") {
    errors.invalid(FieldPath("type"), "", "has invalid value: " + event.type);
  }
  if (!event.firstTimestamp.isZero()) errors.invalid(FieldPath("firstTimestamp"), "", kUnset);
  if (!event.lastTimestamp.isZero()) errors.invalid(FieldPath("lastTimestamp"), "", kUnset);
  if (event.count != 0) errors.invalid(FieldPath("count"), "", kUnset);
  if (!event.source.component.empty() || !event.source.host.empty()) {
    errors.invalid(FieldPath("source"), "", kUnset);
  }
}

void validateEventUpdate(const CoreEvent& next, const CoreEvent& current, EventApi from,
                         FieldErrors& errors) {
  checkCommon(next, from, errors);
  if (from == EventApi::Core) return;
  if (!(next.series == current.series)) checkSeries(next, errors);
  if (!(next.involvedObject == current.involvedObject)) {
    errors.invalid(FieldPath("involvedObject"), shown(next.involvedObject), kImmutableText);
  }
  // Twice, as upstream tells it.
  checkImmutable(next.reason, current.reason, FieldPath("reason"), errors);
  checkImmutable(next.message, current.message, FieldPath("message"), errors);
  checkImmutable(next.firstTimestamp, current.firstTimestamp, FieldPath("firstTimestamp"), errors);
  checkImmutable(next.lastTimestamp, current.lastTimestamp, FieldPath("lastTimestamp"), errors);
  checkImmutable(next.count, current.count, FieldPath("count"), errors);
  checkImmutable(next.reason, current.reason, FieldPath("reason"), errors);
  checkImmutable(next.type, current.type, FieldPath("type"), errors);
  checkImmutable(next.eventTime, current.eventTime, FieldPath("eventTime"), errors);
  checkImmutable(next.action, current.action, FieldPath("action"), errors);
  if (!(next.related == current.related)) {
    errors.invalid(FieldPath("related"),
                   next.related ? shown(*next.related) : api::FieldValue(nullptr), kImmutableText);
  }
  checkImmutable(next.reportingComponent, current.reportingComponent,
                 FieldPath("reportingController"), errors);
  checkImmutable(next.reportingInstance, current.reportingInstance, FieldPath("reportingInstance"),
                 errors);
}

CoreEvent toCoreEvent(const api::events::v1::Event& event) {
  CoreEvent out;
  out.metadata = event.metadata;
  out.involvedObject = event.regarding;
  out.reason = event.reason;
  out.message = event.note;
  out.source = event.deprecatedSource;
  out.firstTimestamp = event.deprecatedFirstTimestamp;
  out.lastTimestamp = event.deprecatedLastTimestamp;
  out.count = event.deprecatedCount;
  out.type = event.type;
  out.eventTime = event.eventTime;
  if (event.series) {
    auto& series = out.series.emplace();
    series.count = event.series->count;
    series.lastObservedTime = event.series->lastObservedTime;
  }
  out.action = event.action;
  out.related = event.related;
  out.reportingComponent = event.reportingController;
  out.reportingInstance = event.reportingInstance;
  return out;
}

api::events::v1::Event fromCoreEvent(const CoreEvent& event) {
  api::events::v1::Event out;
  out.metadata = event.metadata;
  out.regarding = event.involvedObject;
  out.reason = event.reason;
  out.note = event.message;
  out.deprecatedSource = event.source;
  out.deprecatedFirstTimestamp = event.firstTimestamp;
  out.deprecatedLastTimestamp = event.lastTimestamp;
  out.deprecatedCount = event.count;
  out.type = event.type;
  out.eventTime = event.eventTime;
  if (event.series) {
    auto& series = out.series.emplace();
    series.count = event.series->count;
    series.lastObservedTime = event.series->lastObservedTime;
  }
  out.action = event.action;
  out.related = event.related;
  out.reportingController = event.reportingComponent;
  out.reportingInstance = event.reportingInstance;
  return out;
}

}  // namespace coxswain::apiserver
