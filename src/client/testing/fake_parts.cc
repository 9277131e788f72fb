#include "client/testing/fake_parts.h"

#include <boost/json/value.hpp>

#include "api/codec/value.h"
#include "api/gen/meta_v1.h"
#include "api/patch/json_patch.h"
#include "api/patch/strategic.h"

namespace coxswain::client::testing {

namespace {

/// The text at "spec.nodeName"; empty where there is none.
std::string textAt(const boost::json::value& root, std::string_view path) {
  const boost::json::value* at = &root;
  while (!path.empty()) {
    const auto dot = path.find('.');
    const auto name = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    if (!at->is_object()) return "";
    at = at->as_object().if_contains({name.data(), name.size()});
    if (at == nullptr) return "";
  }
  if (at->is_string()) return std::string(at->as_string());
  if (at->is_null() || at->is_object() || at->is_array()) return "";
  return api::writeJsonValue(*at);
}

const api::FieldInfo* memberOf(const api::MessageInfo& info, std::string_view name) {
  const auto* member = info.findJson(name);
  if (member == nullptr || member->field->type != api::FieldType::Message) return nullptr;
  return member->field->shape == api::Shape::Value ? member->field : nullptr;
}

}  // namespace

Result<Selection> Selection::create(std::string ns, const std::string& labels,
                                    const std::string& fields) {
  Selection selection;
  selection.ns_ = std::move(ns);
  TRY(selection.labels_, api::LabelSelector::parse(labels));
  TRY(selection.fields_, api::FieldSelector::parse(fields));
  return selection;
}

bool Selection::matches(const api::ConstObject& object) const {
  const auto& meta = *api::objectMeta(object);
  if (!ns_.empty() && meta.namespace_ != ns_) return false;
  if (!labels_.matches(meta.labels)) return false;
  if (fields_.isEverything()) return true;
  const auto value = api::encodeValue(object.info(), object.data());
  return fields_.matches([&value](std::string_view field) { return textAt(value, field); });
}

bool hasMember(const api::MessageInfo& info, std::string_view name) {
  return memberOf(info, name) != nullptr;
}

bool memberDiffers(const api::MessageInfo& info, std::string_view name, const void* a,
                   const void* b) {
  const auto* field = memberOf(info, name);
  return field != nullptr && !api::equal(*field->message, field->in(a), field->in(b));
}

void copyMember(const api::MessageInfo& info, std::string_view name, const void* from, void* to) {
  const auto* field = memberOf(info, name);
  if (field != nullptr) field->message->assign(field->in(to), field->in(from));
}

Result<api::Object> applyPatch(const api::ConstObject& before, PatchType type,
                               const std::string& body) {
  const auto& info = before.info();
  auto value = api::encodeValue(info, before.data());
  TRY(auto change, api::parseJsonValue(body));
  switch (type) {
    case PatchType::Json: {
      TRY(value, api::applyJsonPatch(std::move(value), change));
      break;
    }
    case PatchType::Merge:
      value = api::applyMergePatch(std::move(value), change);
      break;
    case PatchType::StrategicMerge: {
      TRY(value, api::applyStrategicMergePatch(std::move(value), std::move(change), info));
      break;
    }
    case PatchType::Apply:
      return unsupportedMediaType("the fake server has no server-side apply");
  }
  api::Object patched(info);
  TRY_STATUS(api::decodeValue(info, value, patched.data()));
  return patched;
}

}  // namespace coxswain::client::testing
