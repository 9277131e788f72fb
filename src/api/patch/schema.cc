#include "api/patch/schema.h"

namespace coxswain::api {

std::string_view PatchSchema::name() const {
  return message_ != nullptr ? message_->name : std::string_view("map");
}

PatchSchema::Field PatchSchema::field(std::string_view jsonName) const {
  Field out;
  if (message_ == nullptr) return out;
  if (isMap_) {
    out.known = true;
    out.schema = PatchSchema(message_);
    return out;
  }
  const JsonMember* member = message_->findJson(jsonName);
  if (member == nullptr) return out;
  const FieldInfo& info = *member->field;
  out.known = true;
  std::string_view strategies = info.meta->patchStrategy;
  while (!strategies.empty()) {
    const size_t comma = strategies.find(',');
    const std::string_view strategy = strategies.substr(0, comma);
    if (strategy == "merge") out.merge = true;
    if (strategy == "replace") out.replace = true;
    if (strategy == "retainKeys") out.retainKeys = true;
    strategies =
        comma == std::string_view::npos ? std::string_view() : strategies.substr(comma + 1);
  }
  out.mergeKey = info.meta->patchMergeKey;
  if (info.type == FieldType::Message)
    out.schema = PatchSchema(info.message, info.shape == Shape::Map);
  return out;
}

}  // namespace coxswain::api
