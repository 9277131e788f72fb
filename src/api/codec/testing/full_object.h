#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "api/meta/raw.h"
#include "api/reflect/box.h"
#include "api/reflect/object.h"
#include "api/reflect/visit.h"

namespace coxswain::api::testing {

/// Makes an object of any kind with every field set that its tables name: one element a list, one
/// entry a map, text that YAML must quote among the values. Messages that contain themselves end
/// at their second occurrence.
class FullFiller {
 public:
  Object make(const MessageInfo& info) {
    Object object(info);
    message(info, object.data());
    return object;
  }

 private:
  void message(const MessageInfo& info, void* object) {
    if (std::count(path_.begin(), path_.end(), &info) > 1) return;
    path_.push_back(&info);
    if (info.jsonForm == JsonForm::Object) {
      for (const auto& field : info.fields) fill(field, field.in(object));
    } else if (info.jsonForm == JsonForm::RawUnknown) {
      static_cast<Bytes*>(info.fields[1].in(object))->data = "{\"a\":1}";
      *static_cast<std::string*>(info.fields[3].in(object)) = "application/json";
    } else if (info.jsonForm == JsonForm::SchemaOrBool) {
      *static_cast<bool*>(info.fields[0].in(object)) = true;
    } else {
      const auto& other = info.fields[1];  // the list: its JSON has room for one of the two
      element(other, other.container->append(other.in(object)));
    }
    path_.pop_back();
  }

  void fill(const FieldInfo& field, void* at) {
    switch (field.shape) {
      case Shape::Value:
        return element(field, at);
      case Shape::Box: {
        auto& box = *static_cast<BoxBase*>(at);
        if (std::count(path_.begin(), path_.end(), field.message) > 0) return;
        box.pointer = field.message->create();
        return message(*field.message, box.pointer);
      }
      case Shape::Optional:
        return visitType(field.type, [&](auto tag) {
          using T = typename decltype(tag)::type;
          set(static_cast<std::optional<T>*>(at)->emplace());
        });
      case Shape::Vector:
        if (isRecursive(field)) return;
        return element(field, field.container->append(at));
      case Shape::Map: {
        if (isRecursive(field)) return;
        bool added = false;
        return element(field, field.container->insert(at, "example.com/" + text(), &added));
      }
    }
  }

  [[nodiscard]] bool isRecursive(const FieldInfo& field) const {
    return field.type == FieldType::Message &&
           std::count(path_.begin(), path_.end(), field.message) > 0;
  }

  void element(const FieldInfo& field, void* at) {
    if (field.type == FieldType::Message) return message(*field.message, at);
    visitType(field.type, [&](auto tag) { set(*static_cast<typename decltype(tag)::type*>(at)); });
  }

  /// Never empty, never the same twice in a row; what YAML 1.1 would read as something else.
  std::string text() {
    static constexpr std::string_view kTexts[] = {
        "yes", "plain", "1e3", "0x1f",  "null", "~",  "two\nlines\n", "a: b", "- c", "# d", "true",
        "1.5", " e ",   "'f'", "\"g\"", "{h}",  "*i", "2001-01-01",   "%j",   "@k",  "ü",   "0o17"};
    const auto which = next_++;
    return std::string(kTexts[which % std::size(kTexts)]) + std::to_string(which);
  }

  void set(std::string& value) { value = text(); }
  void set(Bytes& value) { value.data = text(); }
  void set(bool& value) { value = true; }
  void set(double& value) { value = static_cast<double>(++next_) + 0.25; }
  void set(float& value) { value = static_cast<float>(++next_ % 1000) + 0.25F; }
  void set(std::vector<std::string>& value) { value = {text()}; }
  void set(Quantity& value) { value = Quantity::fromMilli(static_cast<int64_t>(++next_) * 100); }
  void set(IntOrString& value) { value = IntOrString(text()); }
  void set(Time& value) { value = Time::fromUnix(1'700'000'000 + static_cast<int64_t>(++next_)); }
  void set(MicroTime& value) {
    value = MicroTime::fromUnix(1'700'000'000, static_cast<int32_t>(++next_ % 1'000'000));
  }
  void set(GoDuration& value) { value.nanos = 1'500'000'000 + static_cast<int64_t>(++next_); }
  template <typename Raw>
  requires requires(Raw r) { r.raw; }
  void set(Raw& value) { value.raw = "{\"a\":[1,2.5,\"x\",null,true]}"; }
  template <typename Number>
  requires std::is_integral_v<Number>
  void set(Number& value) { value = static_cast<Number>(++next_); }

  uint64_t next_ = 1;
  std::vector<const MessageInfo*> path_;
};

}  // namespace coxswain::api::testing
