#include <bit>
#include <cstring>
#include <memory>
#include <optional>

#include "api/codec/layout.h"
#include "api/codec/protobuf.h"
#include "api/reflect/box.h"
#include "api/reflect/visit.h"

namespace coxswain::api {
namespace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// Buffer that fills from its end to its start. Writing backwards, the length of a nested message
/// is known when its prefix is written, so nothing is measured beforehand.
class BackwardBuffer {
 public:
  BackwardBuffer() = default;
  BackwardBuffer(const BackwardBuffer&) = delete;
  BackwardBuffer& operator=(const BackwardBuffer&) = delete;

  size_t size() const { return static_cast<size_t>(end_ - at_); }
  std::string_view view() const { return {at_, size()}; }

  void bytes(std::string_view data) {
    if (data.empty()) return;
    reserve(data.size());
    at_ -= data.size();
    std::memcpy(at_, data.data(), data.size());
  }
  void varint(uint64_t value) {
    reserve(10);
    if (value < 0x80) {
      *--at_ = static_cast<char>(value);
      return;
    }
    size_t length = (static_cast<size_t>(std::bit_width(value)) + 6) / 7;
    at_ -= length;
    char* p = at_;
    while (value >= 0x80) {
      *p++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *p = static_cast<char>(value);
  }
  template <typename T>
  void fixed(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes({raw, sizeof(T)});
  }
  void tag(uint32_t number, WireType type) { varint(uint64_t{number} << 3 | type); }

 private:
  void reserve(size_t count) {
    if (static_cast<size_t>(at_ - begin_) >= count) [[likely]]
      return;
    size_t used = size();
    size_t capacity = std::max((used + count) * 2, size_t{16384});
    auto fresh = std::make_unique_for_overwrite<char[]>(capacity);
    char* end = fresh.get() + capacity;
    std::memcpy(end - used, at_, used);
    heap_ = std::move(fresh);
    begin_ = heap_.get();
    end_ = end;
    at_ = end - used;
  }

  char stack_[4096];
  std::unique_ptr<char[]> heap_;
  char* begin_ = stack_;
  char* end_ = stack_ + sizeof(stack_);
  char* at_ = end_;
};

void writeMessage(const MessageInfo& info, const void* object, BackwardBuffer& out);

template <typename F>
void delimited(uint32_t number, BackwardBuffer& out, F&& body) {
  size_t before = out.size();
  body();
  out.varint(out.size() - before);
  out.tag(number, kBytes);
}

void writeText(uint32_t number, std::string_view text, BackwardBuffer& out) {
  out.bytes(text);
  out.varint(text.size());
  out.tag(number, kBytes);
}

void writeVarint(uint32_t number, uint64_t value, BackwardBuffer& out) {
  out.varint(value);
  out.tag(number, kVarint);
}

/// The inside of the message that a value type is on the wire.
void writeInside(const Quantity& v, BackwardBuffer& out) {
  writeText(1, v.str(), out);
}
void writeInside(const IntOrString& v, BackwardBuffer& out) {
  writeText(3, v.strVal, out);
  writeVarint(2, static_cast<uint64_t>(int64_t{v.intVal}), out);
  writeVarint(1, v.type, out);
}
void writeInside(const Time& v, BackwardBuffer& out) {
  if (v.isZero()) return;
  writeVarint(2, 0, out);
  writeVarint(1, static_cast<uint64_t>(v.unix()), out);
}
void writeInside(const MicroTime& v, BackwardBuffer& out) {
  if (v.isZero()) return;
  writeVarint(2, static_cast<uint64_t>(v.micros()) * 1000, out);
  writeVarint(1, static_cast<uint64_t>(v.unix()), out);
}
void writeInside(const GoDuration& v, BackwardBuffer& out) {
  writeVarint(1, static_cast<uint64_t>(v.nanos), out);
}
template <typename Raw>
requires requires(Raw r) {
  r.raw;
}
void writeInside(const Raw& v, BackwardBuffer& out) {
  if (!v.raw.empty()) writeText(1, v.raw, out);
}
void writeInside(const std::vector<std::string>& v, BackwardBuffer& out) {
  for (size_t i = v.size(); i-- > 0;) writeText(1, v[i], out);
}

/// A value without its tag, for packed records.
template <typename T>
void writeBare(T value, BackwardBuffer& out) {
  if constexpr (std::is_floating_point_v<T>) {
    out.fixed(value);
  } else if constexpr (std::is_signed_v<T>) {
    out.varint(static_cast<uint64_t>(int64_t{value}));
  } else {
    out.varint(value);
  }
}

template <typename T>
void writeValue(uint32_t number, const T& value, BackwardBuffer& out) {
  if constexpr (std::is_same_v<T, std::string>) {
    writeText(number, value, out);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    writeText(number, value.data, out);
  } else if constexpr (std::is_arithmetic_v<T>) {
    writeBare(value, out);
    out.tag(number, std::is_same_v<T, double>  ? kFixed64
                    : std::is_same_v<T, float> ? kFixed32
                                               : kVarint);
  } else {
    delimited(number, out, [&] { writeInside(value, out); });
  }
}

void writeElement(const FieldInfo& field, uint32_t number, const void* value, BackwardBuffer& out) {
  if (field.type == FieldType::Message) {
    delimited(number, out, [&] { writeMessage(*field.message, value, out); });
    return;
  }
  visitType(field.type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    writeValue(number, *static_cast<const T*>(value), out);
  });
}

template <typename T>
bool isDefault(const T& value) {
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, Bytes> ||
                std::is_same_v<T, std::vector<std::string>>) {
    return value.empty();
  } else if constexpr (std::is_arithmetic_v<T>) {
    return value == T();
  } else {
    return false;
  }
}

void writePlain(const MessageInfo& info, const FieldInfo& field, const void* at,
                BackwardBuffer& out) {
  if (field.type == FieldType::Message) {
    writeElement(field, field.number, at, out);
    return;
  }
  visitType(field.type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T& value = *static_cast<const T*>(at);
    // Unset byte slices and lists are not written, in either syntax.
    constexpr bool kNilable =
        std::is_same_v<T, Bytes> || std::is_same_v<T, std::vector<std::string>>;
    if ((info.proto3 || kNilable) && isDefault(value)) return;
    writeValue(field.number, value, out);
  });
}

void writePacked(const FieldInfo& field, const void* at, BackwardBuffer& out) {
  const ContainerOps& ops = *field.container;
  delimited(field.number, out, [&] {
    visitType(field.type, [&](auto tag) {
      using T = typename decltype(tag)::type;
      if constexpr (std::is_arithmetic_v<T>) {
        for (size_t i = ops.size(at); i-- > 0;) {
          writeBare(*static_cast<const T*>(ops.at(at, i)), out);
        }
      }
    });
  });
}

void writeField(const MessageInfo& info, const FieldInfo& field, const void* at,
                BackwardBuffer& out) {
  switch (field.shape) {
    case Shape::Value:
      writePlain(info, field, at, out);
      return;
    case Shape::Box:
      if (const void* object = static_cast<const BoxBase*>(at)->pointer) {
        writeElement(field, field.number, object, out);
      }
      return;
    case Shape::Optional:
      visitType(field.type, [&](auto tag) {
        using T = typename decltype(tag)::type;
        const auto& value = *static_cast<const std::optional<T>*>(at);
        if (value) writeValue(field.number, *value, out);
      });
      return;
    case Shape::Vector: {
      if (emptyContainer(at)) return;
      const ContainerOps& ops = *field.container;
      size_t size = ops.size(at);
      if (size > 0 && field.has(kFieldPacked)) {
        writePacked(field, at, out);
        return;
      }
      for (size_t i = size; i-- > 0;) writeElement(field, field.number, ops.at(at, i), out);
      return;
    }
    case Shape::Map: {
      if (emptyContainer(at)) return;
      const ContainerOps& ops = *field.container;
      for (size_t i = ops.size(at); i-- > 0;) {
        delimited(field.number, out, [&] {
          writeElement(field, 2, ops.at(at, i), out);
          writeText(1, ops.keyAt(at, i), out);
        });
      }
      return;
    }
  }
}

void writeMessage(const MessageInfo& info, const void* object, BackwardBuffer& out) {
  for (size_t i = info.byNumber.size(); i-- > 0;) {
    const FieldInfo& field = info.fields[info.byNumber[i]];
    writeField(info, field, field.in(object), out);
  }
}

void finishEnvelope(std::string_view apiVersion, std::string_view kind, size_t rawSize,
                    BackwardBuffer& out) {
  out.varint(rawSize);
  out.tag(2, kBytes);
  delimited(1, out, [&] {
    writeText(2, kind, out);
    writeText(1, apiVersion, out);
  });
  out.bytes(kProtobufMagic);
}

/// The end of it: fields 3 and 4 of runtime.Unknown, which upstream writes though they are empty.
void startEnvelope(BackwardBuffer& out) {
  writeText(4, {}, out);
  writeText(3, {}, out);
}

}  // namespace

void encodeProtobuf(const MessageInfo& info, const void* object, std::string& out) {
  BackwardBuffer buffer;
  writeMessage(info, object, buffer);
  out.append(buffer.view());
}

void encodeEnvelope(const MessageInfo& info, const void* object, std::string& out,
                    std::string_view apiVersion, std::string_view kind) {
  if (info.kind) {
    if (apiVersion.empty()) apiVersion = info.kind->apiVersion;
    if (kind.empty()) kind = info.kind->kind;
  }
  BackwardBuffer buffer;
  startEnvelope(buffer);
  size_t before = buffer.size();
  writeMessage(info, object, buffer);
  finishEnvelope(apiVersion, kind, buffer.size() - before, buffer);
  out.append(buffer.view());
}

void wrapEnvelope(std::string_view apiVersion, std::string_view kind, std::string_view raw,
                  std::string& out) {
  BackwardBuffer head;
  finishEnvelope(apiVersion, kind, raw.size(), head);
  BackwardBuffer tail;
  startEnvelope(tail);
  out.reserve(out.size() + head.size() + raw.size() + tail.size());
  out.append(head.view()).append(raw).append(tail.view());
}

}  // namespace coxswain::api
