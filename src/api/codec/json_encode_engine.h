#pragma once

// Walks the tables and tells a writer: JsonTextWriter, or the one that builds a value tree.

#include <optional>

#include "api/codec/json.h"
#include "api/codec/layout.h"
#include "api/reflect/box.h"
#include "api/reflect/visit.h"

namespace coxswain::api {

template <typename Writer>
class JsonEncoder {
 public:
  JsonEncoder(Writer& out, const JsonEncodeOptions& options) : out_(out), options_(options) {}

  void top(const MessageInfo& info, const void* object) {
    if (!info.kind || !options_.typeMeta) {
      message(info, object);
      return;
    }
    const KindInfo& kind = *info.kind;
    object_(info, object, options_.kind.empty() ? kind.kind : options_.kind,
            options_.apiVersion.empty() ? kind.apiVersion : options_.apiVersion);
  }

 private:
  void message(const MessageInfo& info, const void* object) {
    switch (info.jsonForm) {
      case JsonForm::Object:
        object_(info, object, {}, {});
        return;
      case JsonForm::SchemaOrBool:
        // Members: allows, schema.
        if (const void* schema = boxed(info.fields[1], object)) {
          message(*info.fields[1].message, schema);
        } else {
          out_.boolean(*static_cast<const bool*>(info.fields[0].in(object)));
        }
        return;
      case JsonForm::RawUnknown:
        // Members: typeMeta, raw, contentEncoding, contentType.
        out_.raw(static_cast<const Bytes*>(info.fields[1].in(object))->data);
        return;
      case JsonForm::SchemaOrArray:
      case JsonForm::SchemaOrStrings: {
        // Members: schema, then the list.
        const FieldInfo& list = info.fields[1];
        if (list.container->size(list.in(object)) > 0) {
          elements(list, list.in(object));
        } else if (const void* schema = boxed(info.fields[0], object)) {
          message(*info.fields[0].message, schema);
        } else {
          out_.null();
        }
        return;
      }
    }
  }

  static const void* boxed(const FieldInfo& field, const void* object) {
    return static_cast<const BoxBase*>(field.in(object))->pointer;
  }

  void object_(const MessageInfo& info, const void* object, std::string_view kind,
               std::string_view apiVersion) {
    out_.beginObject();
    if (!kind.empty()) {
      out_.plainKey("kind");
      out_.string(kind);
    }
    if (!apiVersion.empty()) {
      out_.plainKey("apiVersion");
      out_.string(apiVersion);
    }
    for (const JsonMember& member : info.jsonMembers) {
      this->member(*member.field, member.in(object));
    }
    out_.endObject();
  }

  void member(const FieldInfo& field, const void* at) {
    switch (field.shape) {
      case Shape::Value:
        if (field.type == FieldType::Message) {
          out_.plainKey(field.name);
          message(*field.message, at);
          return;
        }
        visitType(field.type, [&](auto tag) {
          plain(field, *static_cast<const typename decltype(tag)::type*>(at));
        });
        return;
      case Shape::Box: {
        const void* object = static_cast<const BoxBase*>(at)->pointer;
        if (object) {
          out_.plainKey(field.name);
          message(*field.message, object);
        } else {
          absent(field);
        }
        return;
      }
      case Shape::Optional:
        visitType(field.type, [&](auto tag) {
          using T = typename decltype(tag)::type;
          const auto& value = *static_cast<const std::optional<T>*>(at);
          if (!value) {
            absent(field);
          } else {
            out_.plainKey(field.name);
            write(*value);
          }
        });
        return;
      case Shape::Vector:
        if (emptyContainer(at)) {
          if (!field.has(kFieldListItems)) return absent(field);
        }
        if (!options_.managedFields && field.name == "managedFields") return;
        out_.plainKey(field.name);
        elements(field, at);
        return;
      case Shape::Map:
        if (emptyContainer(at)) return absent(field);
        out_.plainKey(field.name);
        entries(field, at);
        return;
    }
  }

  void absent(const FieldInfo& field) {
    if (!field.has(kFieldAlways)) return;
    out_.plainKey(field.name);
    out_.null();
  }

  template <typename T>
  void plain(const FieldInfo& field, const T& value) {
    constexpr bool kNilable =
        std::is_same_v<T, Bytes> || std::is_same_v<T, std::vector<std::string>>;
    if constexpr (kNilable) {
      if (value.empty()) return absent(field);
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      if (!field.has(kFieldAlways) && value == T()) return;
    } else if constexpr (requires { value.isZero(); }) {
      if (field.has(kFieldOmitZero) && value.isZero()) return;
    }
    out_.plainKey(field.name);
    write(value);
  }

  void elements(const FieldInfo& field, const void* at) {
    const ContainerOps& ops = *field.container;
    size_t size = ops.size(at);
    out_.beginArray();
    for (size_t i = 0; i < size; ++i) element(field, ops.at(at, i));
    out_.endArray();
  }

  void entries(const FieldInfo& field, const void* at) {
    const ContainerOps& ops = *field.container;
    size_t size = ops.size(at);
    out_.beginObject();
    for (size_t i = 0; i < size; ++i) {
      out_.key(ops.keyAt(at, i));
      element(field, ops.at(at, i));
    }
    out_.endObject();
  }

  void element(const FieldInfo& field, const void* at) {
    if (field.type != FieldType::Message) {
      visitType(field.type,
                [&](auto tag) { write(*static_cast<const typename decltype(tag)::type*>(at)); });
      return;
    }
    if (field.has(kFieldElementKind) && options_.elementKinds && field.message->kind) {
      const KindInfo& kind = *field.message->kind;
      object_(*field.message, at, kind.kind, kind.apiVersion);
      return;
    }
    message(*field.message, at);
  }

  void write(const std::string& v) { out_.string(v); }
  void write(const Bytes& v) { out_.bytes(v.data); }
  void write(bool v) { out_.boolean(v); }
  void write(int32_t v) { out_.integer(v); }
  void write(int64_t v) { out_.integer(v); }
  void write(uint32_t v) { out_.unsignedInteger(v); }
  void write(uint64_t v) { out_.unsignedInteger(v); }
  void write(double v) { out_.real(v); }
  void write(float v) { out_.real(v); }
  void write(const std::vector<std::string>& v) {
    out_.beginArray();
    for (const std::string& item : v) out_.string(item);
    out_.endArray();
  }
  void write(const Quantity& v) {
    scratch_.clear();
    v.appendTo(scratch_);
    out_.string(scratch_);
  }
  void write(const IntOrString& v) {
    if (v.isString()) {
      out_.string(v.strVal);
    } else {
      out_.integer(v.intVal);
    }
  }
  template <typename T>
  requires requires(T t) { t.isZero(), t.unix(); }
  void write(const T& v) {
    if (v.isZero()) {
      out_.null();
    } else {
      out_.string(v.str());
    }
  }
  void write(const GoDuration& v) { out_.string(v.str()); }
  template <typename Raw>
  requires requires(Raw r) { r.raw; }
  void write(const Raw& v) { out_.raw(v.raw); }

  Writer& out_;
  const JsonEncodeOptions& options_;
  std::string scratch_;
};

}  // namespace coxswain::api
