#include <optional>

#include "api/codec/protobuf.h"
#include "api/codec/wire.h"
#include "api/reflect/box.h"
#include "api/reflect/visit.h"

namespace coxswain::api {
namespace {

/// Decodes one body. The first failure stays in `status`; every method is false after it.
class Decoder {
 public:
  Decoder(size_t inputSize, const ProtobufLimits& limits)
      : depthLeft_(limits.depth), memoryLeft_(limits.memory + inputSize * 32) {}

  bool message(const MessageInfo& info, std::string_view bytes, void* object) {
    if (depthLeft_ == 0) return fail(info, "nested too deep");
    --depthLeft_;
    WireReader in(bytes);
    size_t hint = 0;
    while (!in.atEnd()) {
      uint32_t number = 0;
      uint32_t wireType = 0;
      if (!in.tag(number, wireType)) return fail(info, "illegal tag");
      const FieldInfo* field = info.findNumber(number, &hint);
      if (!field) {
        if (!in.skip(wireType)) return fail(info, "unexpected EOF");
        continue;
      }
      if (!read(info, *field, field->in(object), in, wireType)) return false;
    }
    ++depthLeft_;
    return true;
  }

  Status status;

 private:
  bool fail(const MessageInfo& info, std::string_view why) {
    if (status.ok())
      status = badRequest("proto: " + std::string(info.name) + ": " + std::string(why));
    return false;
  }
  bool fail(const MessageInfo& info, const FieldInfo& field, std::string_view why) {
    if (status.ok()) {
      status = badRequest("proto: " + std::string(info.name) + "." + std::string(field.protoName) +
                          ": " + std::string(why));
    }
    return false;
  }
  bool spend(const MessageInfo& info, size_t bytes) {
    if (bytes > memoryLeft_) return fail(info, "too large when decoded");
    memoryLeft_ -= bytes;
    return true;
  }

  static bool inside(std::string_view bytes, Quantity& value, std::string& why) {
    std::string_view text;
    if (!textField(bytes, 1, text)) return false;
    if (text.empty()) {
      value = Quantity();
      return true;
    }
    auto parsed = Quantity::parse(text);
    if (!parsed.ok()) {
      why = parsed.status().message();
      return false;
    }
    value = std::move(parsed).value();
    return true;
  }
  static bool textField(std::string_view bytes, uint32_t wanted, std::string_view& text) {
    WireReader in(bytes);
    while (!in.atEnd()) {
      uint32_t number = 0;
      uint32_t wireType = 0;
      if (!in.tag(number, wireType)) return false;
      if (number == wanted && wireType == 2) {
        if (!in.bytes(text)) return false;
      } else if (!in.skip(wireType)) {
        return false;
      }
    }
    return true;
  }
  /// Fields 1 and 2 as numbers; others are skipped unless `text` takes field 3.
  static bool numbers(std::string_view bytes, uint64_t& first, uint64_t& second,
                      std::string_view* text = nullptr) {
    WireReader in(bytes);
    while (!in.atEnd()) {
      uint32_t number = 0;
      uint32_t wireType = 0;
      if (!in.tag(number, wireType)) return false;
      bool good = number == 1 && wireType == 0           ? in.varint(first)
                  : number == 2 && wireType == 0         ? in.varint(second)
                  : number == 3 && wireType == 2 && text ? in.bytes(*text)
                                                         : in.skip(wireType);
      if (!good) return false;
    }
    return true;
  }
  static bool inside(std::string_view bytes, IntOrString& value, std::string&) {
    uint64_t type = 0;
    uint64_t number = 0;
    std::string_view text;
    if (!numbers(bytes, type, number, &text)) return false;
    value.type = type == 1 ? IntOrString::String : IntOrString::Int;
    value.intVal = static_cast<int32_t>(number);
    value.strVal = text;
    return true;
  }
  static bool inside(std::string_view bytes, Time& value, std::string&) {
    uint64_t seconds = 0;
    uint64_t nanos = 0;
    if (!numbers(bytes, seconds, nanos)) return false;
    value = bytes.empty() ? Time() : Time::fromUnix(static_cast<int64_t>(seconds));
    return true;
  }
  static bool inside(std::string_view bytes, MicroTime& value, std::string&) {
    uint64_t seconds = 0;
    uint64_t nanos = 0;
    if (!numbers(bytes, seconds, nanos) || nanos > 999'999'999) return false;
    value = bytes.empty() ? MicroTime()
                          : MicroTime::fromUnix(static_cast<int64_t>(seconds),
                                                static_cast<int32_t>(nanos / 1000));
    return true;
  }
  static bool inside(std::string_view bytes, GoDuration& value, std::string&) {
    uint64_t nanos = 0;
    uint64_t none = 0;
    if (!numbers(bytes, nanos, none)) return false;
    value.nanos = static_cast<int64_t>(nanos);
    return true;
  }
  template <typename Raw>
  requires requires(Raw r) { r.raw; }
  static bool inside(std::string_view bytes, Raw& value, std::string&) {
    std::string_view text;
    if (!textField(bytes, 1, text)) return false;
    value.raw = text;
    return true;
  }
  static bool inside(std::string_view bytes, std::vector<std::string>& value, std::string&) {
    WireReader in(bytes);
    while (!in.atEnd()) {
      uint32_t number = 0;
      uint32_t wireType = 0;
      if (!in.tag(number, wireType)) return false;
      if (number == 1 && wireType == 2) {
        std::string_view text;
        if (!in.bytes(text)) return false;
        value.emplace_back(text);
      } else if (!in.skip(wireType)) {
        return false;
      }
    }
    return true;
  }

  template <typename T>
  static bool bare(WireReader& in, T& value) {
    if constexpr (std::is_floating_point_v<T>) {
      return in.fixed(value);
    } else {
      uint64_t number = 0;
      if (!in.varint(number)) return false;
      value = static_cast<T>(number);
      return true;
    }
  }

  template <typename T>
  bool value(const MessageInfo& info, const FieldInfo& field, WireReader& in, uint32_t wireType,
             T& to) {
    if constexpr (std::is_arithmetic_v<T>) {
      constexpr uint32_t kWire = std::is_same_v<T, double> ? 1 : std::is_same_v<T, float> ? 5 : 0;
      if (wireType != kWire) return fail(info, field, "wrong wireType");
      return bare(in, to) || fail(info, field, "unexpected EOF");
    } else {
      std::string_view bytes;
      if (wireType != 2) return fail(info, field, "wrong wireType");
      if (!in.bytes(bytes)) return fail(info, field, "unexpected EOF");
      if constexpr (std::is_same_v<T, std::string>) {
        to.assign(bytes);
        return true;
      } else if constexpr (std::is_same_v<T, Bytes>) {
        to.data.assign(bytes);
        return true;
      } else {
        std::string why;
        if (inside(bytes, to, why)) return true;
        return fail(info, field, why.empty() ? "broken value" : why);
      }
    }
  }

  bool element(const MessageInfo& info, const FieldInfo& field, void* at, WireReader& in,
               uint32_t wireType) {
    if (field.type == FieldType::Message) {
      std::string_view bytes;
      if (wireType != 2) return fail(info, field, "wrong wireType");
      if (!in.bytes(bytes)) return fail(info, field, "unexpected EOF");
      return message(*field.message, bytes, at);
    }
    return visitType(field.type, [&](auto tag) {
      using T = typename decltype(tag)::type;
      return value(info, field, in, wireType, *static_cast<T*>(at));
    });
  }

  bool read(const MessageInfo& info, const FieldInfo& field, void* at, WireReader& in,
            uint32_t wireType) {
    switch (field.shape) {
      case Shape::Value:
        return element(info, field, at, in, wireType);
      case Shape::Box: {
        auto& box = *static_cast<BoxBase*>(at);
        if (!box.pointer) {
          if (!spend(info, field.message->size)) return false;
          box.pointer = field.message->create();
        }
        return element(info, field, box.pointer, in, wireType);
      }
      case Shape::Optional:
        return visitType(field.type, [&](auto tag) {
          using T = typename decltype(tag)::type;
          return value(info, field, in, wireType, static_cast<std::optional<T>*>(at)->emplace());
        });
      case Shape::Vector:
        return vector(info, field, at, in, wireType);
      case Shape::Map:
        return mapEntry(info, field, at, in, wireType);
    }
    return false;
  }

  bool vector(const MessageInfo& info, const FieldInfo& field, void* at, WireReader& in,
              uint32_t wireType) {
    const ContainerOps& ops = *field.container;
    bool scalar = field.type >= FieldType::Bool && field.type <= FieldType::Float;
    if (scalar && wireType == 2) {  // packed: accepted whatever the schema says
      std::string_view bytes;
      if (!in.bytes(bytes)) return fail(info, field, "unexpected EOF");
      WireReader items(bytes);
      uint32_t itemType = field.type == FieldType::Double  ? 1
                          : field.type == FieldType::Float ? 5
                                                           : 0;
      while (!items.atEnd()) {
        if (!element(info, field, ops.append(at), items, itemType)) return false;
      }
      return true;
    }
    // Elements stand one behind the other as a rule: room for them is made once. One that stands
    // elsewhere lets the vector grow, which holds up to three times its elements for a moment.
    if (ops.size(at) == 0) {
      size_t run = 1 + sameFollowing(in, field.number, wireType);
      if (!spend(info, size_t{ops.elementSize} * run)) return false;
      ops.reserve(at, run);
    } else if (!spend(info, size_t{ops.elementSize} * 2)) {
      return false;
    }
    return element(info, field, ops.append(at), in, wireType);
  }

  /// How many records of the same field stand behind the one whose value begins here.
  static size_t sameFollowing(WireReader in, uint32_t wanted, uint32_t wireType) {
    size_t count = 0;
    uint32_t number = 0;
    uint32_t type = wireType;
    while (in.skip(type) && !in.atEnd() && in.tag(number, type) && number == wanted &&
           type == wireType) {
      ++count;
    }
    return count;
  }

  bool mapEntry(const MessageInfo& info, const FieldInfo& field, void* at, WireReader& in,
                uint32_t wireType) {
    std::string_view bytes;
    if (wireType != 2) return fail(info, field, "wrong wireType");
    if (!in.bytes(bytes)) return fail(info, field, "unexpected EOF");
    // The key usually stands first, but need not.
    std::string_view key;
    WireReader scan(bytes);
    while (!scan.atEnd()) {
      uint32_t number = 0;
      uint32_t type = 0;
      if (!scan.tag(number, type)) return fail(info, field, "illegal tag");
      bool good = number == 1 && type == 2 ? scan.bytes(key) : scan.skip(type);
      if (!good) return fail(info, field, "unexpected EOF");
    }
    if (!spend(info, size_t{field.container->elementSize} * 2 + 64)) return false;
    size_t size = field.container->size(at);
    if (size > 0 && key <= field.container->keyAt(at, size - 1)) {
      // Out of order, an insertion moves what is behind it.
      if (size > movesLeft_) return fail(info, field, "too many map entries out of order");
      movesLeft_ -= size;
    }
    void* slot = field.container->insert(at, key, nullptr);
    WireReader entry(bytes);
    while (!entry.atEnd()) {
      uint32_t number = 0;
      uint32_t type = 0;
      if (!entry.tag(number, type)) return fail(info, field, "illegal tag");
      if (number == 2) {
        if (!element(info, field, slot, entry, type)) return false;
      } else if (!entry.skip(type)) {
        return fail(info, field, "unexpected EOF");
      }
    }
    return true;
  }

  int depthLeft_;
  size_t memoryLeft_;
  size_t movesLeft_ = 200'000'000;
};

}  // namespace

Status decodeProtobuf(const MessageInfo& info, std::string_view bytes, void* object,
                      const ProtobufLimits& limits) {
  Decoder decoder(bytes.size(), limits);
  decoder.message(info, bytes, object);
  return std::move(decoder.status);
}

Result<Envelope> openEnvelope(std::string_view bytes) {
  if (!hasProtobufMagic(bytes)) {
    return badRequest(
        "provided data does not appear to be a protobuf message, expected prefix "
        "[107 56 115 0]");
  }
  Envelope envelope;
  WireReader in(bytes.substr(kProtobufMagic.size()));
  std::string_view typeMeta;
  auto broken = [] { return badRequest("unexpected EOF"); };
  while (!in.atEnd()) {
    uint32_t number = 0;
    uint32_t wireType = 0;
    if (!in.tag(number, wireType)) return broken();
    std::string_view other;
    std::string_view* to = number == 1   ? &typeMeta
                           : number == 2 ? &envelope.raw
                           : number == 3 ? &envelope.contentEncoding
                           : number == 4 ? &envelope.contentType
                                         : &other;
    if (!(wireType == 2 ? in.bytes(*to) : in.skip(wireType))) return broken();
  }
  WireReader meta(typeMeta);
  while (!meta.atEnd()) {
    uint32_t number = 0;
    uint32_t wireType = 0;
    if (!meta.tag(number, wireType)) return broken();
    std::string_view other;
    std::string_view* to = number == 1   ? &envelope.apiVersion
                           : number == 2 ? &envelope.kind
                                         : &other;
    if (!(wireType == 2 ? meta.bytes(*to) : meta.skip(wireType))) return broken();
  }
  return envelope;
}

Result<Object> decodeEnvelope(std::string_view bytes, const ProtobufLimits& limits) {
  TRY(Envelope envelope, openEnvelope(bytes));
  const MessageInfo* info = findKind(envelope.apiVersion, envelope.kind);
  if (!info) {
    return badRequest("no kind \"" + std::string(envelope.kind) +
                      "\" is registered for version \"" + std::string(envelope.apiVersion) + "\"");
  }
  Object object(*info);
  TRY_STATUS(decodeProtobuf(*info, envelope.raw, object.data(), limits));
  return object;
}

}  // namespace coxswain::api
