#include "apiserver/field_manager/last_applied.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "api/codec/value.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kAnnotation = "kubectl.kubernetes.io/last-applied-configuration";
/// Of all keys and values of an object's annotations.
constexpr size_t kAnnotationBytesMax = 256 * 1024;

boost::json::string_view named(std::string_view name) {
  return {name.data(), name.size()};
}

/// Null: not there, or no object.
const boost::json::object* objectIn(const boost::json::object& parent, std::string_view name) {
  const auto* value = parent.if_contains(named(name));
  return value ? value->if_object() : nullptr;
}

const boost::json::string* annotationOf(const boost::json::value& live) {
  const auto* object = live.if_object();
  const auto* metadata = object ? objectIn(*object, "metadata") : nullptr;
  const auto* annotations = metadata ? objectIn(*metadata, "annotations") : nullptr;
  const auto* value = annotations ? annotations->if_contains(named(kAnnotation)) : nullptr;
  return value ? value->if_string() : nullptr;
}

}  // namespace

FieldTree fieldsOfLastApplied(const FieldSchema& schema, std::string_view apiVersion,
                              const boost::json::value& live) {
  const auto* text = annotationOf(live);
  if (!text) return {};
  const auto applied = api::parseJsonValue({text->data(), text->size()});
  if (!applied.ok() || !applied->is_object()) return {};
  const auto* version = applied->get_object().if_contains("apiVersion");
  if (!version || !version->is_string() || version->get_string() != named(apiVersion)) return {};
  if (!checkFields(schema, *applied).ok()) return {};
  auto fields = fieldsOf(schema, *applied);
  const auto since = compareFields(schema, &*applied, &live);
  fields.subtract(since.modified);
  fields.subtract(since.added);
  fields.subtract(since.removed);
  return fields;
}

void renewLastApplied(const boost::json::value& config, api::meta::v1::ObjectMeta& metadata) {
  auto& annotations = metadata.annotations;
  if (!annotations.contains(kAnnotation)) return;
  auto applied = config;
  auto* inner = applied.get_object().if_contains("metadata");
  auto* own =
      inner && inner->is_object() ? inner->get_object().if_contains("annotations") : nullptr;
  if (own && own->is_object()) own->get_object().erase(named(kAnnotation));
  annotations.insert_or_assign(kAnnotation, api::writeJsonValue(applied) + "\n");
  size_t bytes = 0;
  for (const auto& [key, value] : annotations) bytes += key.size() + value.size();
  if (bytes > kAnnotationBytesMax) annotations.erase(kAnnotation);
}

}  // namespace coxswain::apiserver
