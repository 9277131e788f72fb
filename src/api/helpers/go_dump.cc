#include "api/helpers/go_dump.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "api/gen/core_v1.h"
#include "api/helpers/go_names.h"
#include "api/reflect/visit.h"

namespace coxswain::api {

namespace {

std::string goName(const MessageInfo& message, const FieldInfo& field) {
  // Inlined structs are embedded ones, named as their type.
  if (field.has(kFieldInline)) return std::string(field.message->name);
  return goFieldName(message.name, field.name);
}

std::string goType(const MessageInfo& message, const FieldInfo& field) {
  if (field.shape == Shape::Map) {
    // Go has a name for maps of amounts only.
    return field.type == FieldType::Quantity ? "v1.ResourceList" : "map[string]string";
  }
  switch (field.type) {
    case FieldType::Message:
      return "v1." + std::string(field.message->name);
    case FieldType::String:
      // Named strings without a list of values.
      if (field.name == "uid") return "types.UID";
      if (message.name == "Capabilities") return "v1.Capability";
      return field.meta->enumInfo ? "v1." + std::string(field.meta->enumInfo->name) : "string";
    case FieldType::Bool:
      return "bool";
    case FieldType::Int32:
      return "int32";
    case FieldType::Int64:
      return "int64";
    case FieldType::Quantity:
      return "resource.Quantity";
    case FieldType::IntOrString:
      return "intstr.IntOrString";
    case FieldType::Time:
      return "v1.Time";
    default:
      return "v1.FieldsV1";  // of managedFields, which templates have none of
  }
}

class Dumper {
 public:
  std::string take() { return std::move(out_); }

  void message(const MessageInfo& info, const void* object) {
    out_ += '{';
    bool first = true;
    for (const auto& field : info.fields) {
      if (!first) out_ += ' ';
      first = false;
      ((out_ += goName(info, field)) += ":(") += prefix(field);
      (out_ += goType(info, field)) += ')';
      member(field, field.in(object));
    }
    out_ += '}';
  }

 private:
  static std::string_view prefix(const FieldInfo& field) {
    if (field.shape == Shape::Vector) return "[]";
    return field.shape == Shape::Optional || field.shape == Shape::Box ? "*" : "";
  }

  void member(const FieldInfo& field, const void* at) {
    switch (field.shape) {
      case Shape::Value:
        value(field, at);
        break;
      case Shape::Box:
        box(field, at);
        break;
      case Shape::Optional:
        visitType(field.type, [&]<typename T>(std::type_identity<T>) {
          const auto& known = *static_cast<const std::optional<T>*>(at);
          if (known) {
            value(field, &*known);
          } else {
            out_ += "<nil>";
          }
        });
        break;
      case Shape::Vector:
      case Shape::Map:
        elements(field, at);
        break;
    }
  }

  void box(const FieldInfo& field, const void* at) {
    const void* pointee = static_cast<const BoxBase*>(at)->pointer;
    if (pointee == nullptr) {
      out_ += "<nil>";
    } else {
      message(*field.message, pointee);
    }
  }

  void elements(const FieldInfo& field, const void* at) {
    const auto& ops = *field.container;
    const size_t count = ops.size(at);
    if (count == 0) {
      out_ += "<nil>";
      return;
    }
    out_ += field.shape == Shape::Map ? "map[" : "[";
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out_ += ' ';
      if (field.shape == Shape::Map) (out_ += ops.keyAt(at, i)) += ':';
      value(field, ops.at(at, i));
    }
    out_ += ']';
  }

  void value(const FieldInfo& field, const void* at) {
    switch (field.type) {
      case FieldType::Message:
        return message(*field.message, at);
      case FieldType::String:
        out_ += *static_cast<const std::string*>(at);
        return;
      case FieldType::Bool:
        out_ += *static_cast<const bool*>(at) ? "true" : "false";
        return;
      case FieldType::Int32:
        out_ += std::to_string(*static_cast<const int32_t*>(at));
        return;
      case FieldType::Int64:
        out_ += std::to_string(*static_cast<const int64_t*>(at));
        return;
      case FieldType::Quantity:
        return quantity(*static_cast<const Quantity*>(at));
      case FieldType::IntOrString:
        return intOrString(*static_cast<const IntOrString*>(at));
      case FieldType::Time:
        out_ += "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}";
        return;
      default:
        return;
    }
  }

  void intOrString(const IntOrString& either) {
    out_ += "{Type:(intstr.Type)" + std::to_string(either.type) + " IntVal:(int32)" +
            std::to_string(either.intVal) + " StrVal:(string)" + either.strVal + "}";
  }

  /// Go reads "250m" as 250 of scale -3, "64Mi" as 67108864 of scale 0. It keeps a text of which it
  /// is sure that it is the shortest.
  void quantity(const Quantity& amount) {
    const std::string text = amount.str();
    const auto end = std::min(text.find_first_not_of("-0123456789"), text.size());
    const std::string number = text.substr(0, end);
    const std::string suffix = text.substr(end);
    int64_t value = std::strtoll(number.c_str(), nullptr, 10);
    int scale = 0;
    bool kept = false;
    std::string_view format = "DecimalSI";
    if (suffix.ends_with('i')) {
      format = "BinarySI";
      kept = (value & 7) != 0;
      value = amount.value();
    } else {
      if (suffix.size() > 1) format = "DecimalExponent";
      scale = decimalScale(suffix);
      kept = scale % 3 == 0 && !number.ends_with("000");
    }
    out_ += "{i:(resource.int64Amount){value:(int64)" + std::to_string(value) +
            " scale:(resource.Scale)" + std::to_string(scale) +
            "} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)" + (kept ? text : "") +
            " Format:(resource.Format)" + std::string(format) + "}";
  }

  static int decimalScale(const std::string& suffix) {
    constexpr std::string_view kSuffixes[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
    if (suffix.size() > 1) return static_cast<int>(std::strtol(suffix.c_str() + 1, nullptr, 10));
    const auto* found = std::find(std::begin(kSuffixes), std::end(kSuffixes), suffix);
    return (static_cast<int>(found - std::begin(kSuffixes)) - 3) * 3;
  }

  std::string out_;
};

}  // namespace

std::string dumpAsGo(const core::v1::PodTemplateSpec& podTemplate) {
  Dumper dumper;
  dumper.message(core::v1::PodTemplateSpec::kInfo, &podTemplate);
  return "(v1.PodTemplateSpec)" + dumper.take();
}

}  // namespace coxswain::api
