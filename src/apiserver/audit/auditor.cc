#include "apiserver/audit/auditor.h"

#include <boost/json/value.hpp>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "api/gen/runtime.h"

namespace coxswain::apiserver::audit {
namespace {

void dropManagedFields(boost::json::value& object) {
  auto* fields = object.if_object();
  if (!fields) return;
  if (auto* metadata = fields->if_contains("metadata"); metadata && metadata->is_object()) {
    metadata->get_object().erase("managedFields");
  }
  auto* items = fields->if_contains("items");
  if (!items || !items->is_array()) return;
  for (auto& item : items->get_array()) dropManagedFields(item);
}

void setObject(api::Box<api::runtime::Unknown>& box, const std::string& json) {
  if (!json.empty()) box.emplace().raw = api::Bytes(json);
}

}  // namespace

std::string loggedJson(std::string_view json, bool omitManagedFields) {
  auto value = api::parseJsonValue(json);
  if (!value.ok()) return {};
  if (omitManagedFields) dropManagedFields(*value);
  return api::writeJsonValue(*value);
}

std::unique_ptr<Record> Auditor::begin(const Subject& subject) {
  const auto verdict = policy_.decide(subject);
  ++requests_[static_cast<size_t>(verdict.level)];
  if (verdict.level == Level::None) return nullptr;
  auto record = std::make_unique<Record>();
  record->verdict = verdict;
  record->event.level = levelName(verdict.level);
  return record;
}

void Auditor::emit(const Record& record, Stage stage, WallTime now) {
  if (record.verdict.omits(stage)) return;
  auto event = record.event;
  event.stage = stageName(stage);
  event.stageTimestamp = api::MicroTime(now);
  for (const auto& [key, value] : record.annotations) event.annotations[key] = value;
  if (stage != Stage::RequestReceived) {
    setObject(event.requestObject, record.requestObject);
    setObject(event.responseObject, record.responseObject);
  }
  api::JsonEncodeOptions options;
  options.apiVersion = "audit.k8s.io/v1";
  options.kind = "Event";
  options.newline = true;
  ++events_;
  if (!sink_(api::encodeJson(event, options))) ++lost_;
}

}  // namespace coxswain::apiserver::audit
