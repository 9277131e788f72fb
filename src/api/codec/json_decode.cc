#include "api/codec/json_decode_engine.h"

namespace coxswain::api {
namespace {

std::string packageAlias(const MessageInfo& info) {
  return std::string(info.package.substr(info.package.rfind('.') + 1));
}

}  // namespace

std::string goTypeName(const MessageInfo& info) {
  return packageAlias(info) + "." + std::string(info.name);
}

std::string goTypeName(const MessageInfo& owner, const FieldInfo& field, bool element) {
  std::string name;
  switch (field.type) {
    case FieldType::String:
      name = field.meta->enumInfo
                 ? packageAlias(owner) + "." + std::string(field.meta->enumInfo->name)
                 : "string";
      break;
    case FieldType::Bytes:
      name = "[]uint8";
      break;
    case FieldType::Bool:
      name = "bool";
      break;
    case FieldType::Int32:
      name = "int32";
      break;
    case FieldType::Int64:
      name = "int64";
      break;
    case FieldType::UInt32:
      name = "uint32";
      break;
    case FieldType::UInt64:
      name = "uint64";
      break;
    case FieldType::Double:
      name = "float64";
      break;
    case FieldType::Float:
      name = "float32";
      break;
    case FieldType::StringList:
      name = "[]string";
      break;
    case FieldType::Quantity:
      name = "resource.Quantity";
      break;
    case FieldType::IntOrString:
      name = "intstr.IntOrString";
      break;
    case FieldType::Time:
      name = "v1.Time";
      break;
    case FieldType::MicroTime:
      name = "v1.MicroTime";
      break;
    case FieldType::Duration:
      name = "v1.Duration";
      break;
    case FieldType::RawExtension:
      name = "runtime.RawExtension";
      break;
    case FieldType::FieldsV1:
      name = "v1.FieldsV1";
      break;
    case FieldType::RawJson:
      name = "interface {}";
      break;
    case FieldType::Message:
      name = goTypeName(*field.message);
      break;
  }
  if (element) return name;
  if (field.shape == Shape::Vector) return "[]" + name;
  if (field.shape == Shape::Map) return "map[string]" + name;
  return name;
}

std::string base64Error(std::string_view text) {
  size_t at = 0;
  size_t digits = 0;
  for (; at < text.size(); ++at) {
    char c = text[at];
    if (c == '\r' || c == '\n') continue;
    bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                 c == '+' || c == '/';
    if (!digit && (c != '=' || digits % 4 < 2)) break;
    if (digit) ++digits;
  }
  return "illegal base64 data at input byte " + std::to_string(at);
}

Status decodeJson(const MessageInfo& info, std::string_view text, void* object, JsonReport* report,
                  const JsonDecodeOptions& options) {
  JsonTextReader reader(text);
  return JsonDecoder<JsonTextReader>(reader, text.size(), report, options).run(info, object);
}

Result<JsonKind> peekJsonType(std::string_view text) {
  static constexpr std::string_view kGoType =
      "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; "
      "Kind string \"json:\\\"kind,omitempty\\\"\" }";
  static constexpr std::string_view kNames[] = {"null", "bool", "number", "string", "array"};
  JsonTextReader in(text);
  JsonKind result;
  std::string error;
  JsonType type = in.peek();
  if (type != JsonType::Object) {
    if (in.skip() && in.finish() && type != JsonType::Null) {
      error = "json: cannot unmarshal " + std::string(kNames[static_cast<size_t>(type)]) +
              " into Go value of type " + std::string(kGoType);
    }
  } else {
    in.beginObject();
    std::string_view key;
    while (in.nextKey(key)) {
      std::string* to = key == "kind"         ? &result.kind
                        : key == "apiVersion" ? &result.apiVersion
                                              : nullptr;
      type = in.peek();
      if (!to || type == JsonType::Null) {
        in.skip();
      } else if (type == JsonType::String) {
        std::string_view value;
        if (in.string(value)) to->assign(value);
      } else {
        static constexpr std::string_view kAll[] = {"null",  "bool",   "number", "string",
                                                    "array", "object", ""};
        if (error.empty()) {
          error = "json: cannot unmarshal " + std::string(kAll[static_cast<size_t>(type)]) +
                  " into Go struct field ." + (to == &result.kind ? "kind" : "apiVersion") +
                  " of type string";
        }
        in.skip();
      }
    }
    in.finish();
  }
  if (in.failed()) return in.status();
  if (!error.empty()) return badRequest(std::move(error));
  return result;
}

Result<Object> decodeJsonObject(std::string_view text, JsonReport* report,
                                const JsonDecodeOptions& options) {
  TRY(JsonKind type, peekJsonType(text));
  const MessageInfo* info = findKind(type.apiVersion, type.kind);
  if (!info) {
    return badRequest("no kind \"" + type.kind + "\" is registered for version \"" +
                      type.apiVersion + "\"");
  }
  Object object(*info);
  TRY_STATUS(decodeJson(*info, text, object.data(), report, options));
  return object;
}

Status strictStatus(const JsonReport& report) {
  if (report.strict.empty()) return {};
  std::string text = "strict decoding error: ";
  for (size_t i = 0; i < report.strict.size(); ++i) {
    if (i > 0) text += ", ";
    text += report.strict[i];
  }
  return badRequest(std::move(text));
}

}  // namespace coxswain::api
