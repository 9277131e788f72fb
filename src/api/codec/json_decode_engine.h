#pragma once

// Fills structs from a reader: JsonTextReader, or the one over a value tree. Template members of
// JsonDecoder are instantiated in two .cc files only.

#include <algorithm>
#include <bitset>
#include <charconv>
#include <limits>
#include <optional>

#include "api/codec/json.h"
#include "api/codec/json_text.h"
#include "api/meta/base64.h"
#include "api/reflect/box.h"
#include "api/reflect/visit.h"

namespace coxswain::api {

/// Go's name of what a field holds: "int32", "[]v1.Container".
std::string goTypeName(const MessageInfo& owner, const FieldInfo& field, bool element);
/// "v1.Pod".
std::string goTypeName(const MessageInfo& info);
/// Go's base64 error for text that does not decode.
std::string base64Error(std::string_view text);

template <typename Reader>
class JsonDecoder {
 public:
  JsonDecoder(Reader& in, size_t inputSize, JsonReport* report, const JsonDecodeOptions& options)
      : in_(in),
        report_(report),
        depthLeft_(options.depth),
        memoryLeft_(options.memory + inputSize * 32) {
    path_.reserve(16);
  }

  Status run(const MessageInfo& info, void* object) {
    JsonType type = in_.peek();
    if (type == JsonType::Null) {
      in_.null();
    } else if (info.jsonForm == JsonForm::Object && type != JsonType::Object) {
      mismatch(type, goTypeName(info));
    } else {
      top_ = &info;
      message(info, object);
    }
    in_.finish();
    if (in_.failed()) return in_.status();
    return std::move(status_);
  }

 private:
  struct PathItem {
    const MessageInfo* owner;  // of a member; null: an index or map key
    std::string_view name;     // empty: an index
    size_t index;
  };
  struct Step {
    Step(JsonDecoder& d, PathItem item) : decoder(d) { d.path_.push_back(item); }
    ~Step() { decoder.path_.pop_back(); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    JsonDecoder& decoder;
  };
  static constexpr size_t kMembersMax = 192;
  static constexpr size_t kStrictMax = 100;

  // Errors: the first stays, reading goes on, so that broken syntax further on is found (and then
  // reported instead, as Go does).

  void save(std::string text) {
    if (status_.ok()) status_ = badRequest(std::move(text));
  }
  /// Takes the value.
  void mismatch(JsonType found, const std::string& goType) {
    static constexpr std::string_view kNames[] = {"null",  "bool",   "number", "string",
                                                  "array", "object", ""};
    std::string what(kNames[static_cast<size_t>(found)]);
    in_.skip();
    mismatchText(what, goType);
  }
  void mismatchText(const std::string& what, const std::string& goType) {
    if (!status_.ok() || in_.failed()) return;
    std::string text = "json: cannot unmarshal " + what + " into Go ";
    const MessageInfo* owner = nullptr;
    std::string fields;
    for (const PathItem& item : path_) {
      if (!item.owner) continue;
      owner = item.owner;
      fields.append(1, '.').append(item.name);
    }
    text += owner ? "struct field " + std::string(owner->name) + fields : "value";
    save(text + " of type " + goType);
  }
  void mismatch(JsonType found, const FieldInfo& field, bool element) {
    mismatch(found, status_.ok() ? goTypeName(*owner_, field, element) : std::string());
  }

  void strict(std::string_view what, std::string_view name) {
    if (!report_ || report_->strict.size() >= kStrictMax) return;
    std::string text(what);
    text += " field \"";
    for (const PathItem& item : path_) {
      if (item.name.empty() && !item.owner) {
        text += '[' + std::to_string(item.index) + ']';
      } else {
        if (text.back() != '"') text += '.';
        text += item.name;
      }
    }
    if (text.back() != '"') text += '.';
    text.append(name).append(1, '"');
    auto& list = report_->strict;
    if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
  }

  bool deeper() {
    if (--depthLeft_ >= 0) return true;
    return in_.fail("exceeded max depth");
  }
  bool spend(size_t bytes) {
    if (bytes > memoryLeft_) return in_.fail("json: too large when decoded");
    memoryLeft_ -= bytes;
    return true;
  }

  void message(const MessageInfo& info, void* object) {
    if (!deeper()) return;
    if (info.jsonForm == JsonForm::Object) {
      members(info, object);
    } else if (info.jsonForm == JsonForm::RawUnknown) {
      std::string_view text;
      if (in_.raw(text)) static_cast<Bytes*>(info.fields[1].in(object))->data.assign(text);
      *static_cast<std::string*>(info.fields[3].in(object)) = "application/json";
    } else {
      schemaForm(info, object);
    }
    ++depthLeft_;
  }

  /// A JSON schema or something else: see JsonForm.
  void schemaForm(const MessageInfo& info, void* object) {
    bool orBool = info.jsonForm == JsonForm::SchemaOrBool;
    const FieldInfo& schema = info.fields[orBool ? 1 : 0];
    const FieldInfo& other = info.fields[orBool ? 0 : 1];
    JsonType type = in_.peek();
    if (type == JsonType::Object) {
      if (orBool) *static_cast<bool*>(other.in(object)) = true;
      value(info, schema, schema.in(object));
    } else if (orBool && type == JsonType::Bool) {
      in_.boolean(*static_cast<bool*>(other.in(object)));
    } else if (!orBool && type == JsonType::Array) {
      value(info, other, other.in(object));
    } else if (orBool) {
      in_.skip();
      save("boolean or JSON schema expected");
    } else {
      in_.skip();  // upstream takes anything else for nothing
    }
  }

  void members(const MessageInfo& info, void* object) {
    JsonType type = in_.peek();
    if (type != JsonType::Object) return mismatch(type, goTypeName(info));
    in_.beginObject();
    bool isTop = top_ == &info;
    top_ = nullptr;
    std::bitset<kMembersMax> seen;
    std::string_view key;
    size_t hint = 0;
    while (in_.nextKey(key)) {
      const JsonMember* found = info.findJson(key, &hint);
      if (!found) {
        unknown(info, key, isTop, seen);
        continue;
      }
      size_t bit = static_cast<size_t>(found - info.jsonMembers.data());
      if (seen[bit]) strict("duplicate", found->field->name);
      seen[bit] = true;
      Step step(*this, {&info, found->field->name, 0});
      value(info, *found->field, found->in(object));
    }
  }

  /// kind and apiVersion are no members of the struct; anything else is unknown.
  void unknown(const MessageInfo& info, std::string_view key, bool isTop,
               std::bitset<kMembersMax>& seen) {
    bool isKind = key == "kind";
    if (!info.kind || (!isKind && key != "apiVersion")) {
      strict("unknown", key);
      in_.skip();
      return;
    }
    std::string_view name = isKind ? "kind" : "apiVersion";
    size_t bit = kMembersMax - (isKind ? 1 : 2);
    if (seen[bit]) strict("duplicate", name);
    seen[bit] = true;
    Step step(*this, {&info, name, 0});
    JsonType type = in_.peek();
    if (type == JsonType::Null) {
      in_.null();
    } else if (type != JsonType::String) {
      mismatch(type, std::string("string"));
    } else {
      std::string_view text;
      in_.string(text);
      if (isTop && report_) (isKind ? report_->kind : report_->apiVersion) = text;
    }
  }

  void value(const MessageInfo& owner, const FieldInfo& field, void* at) {
    owner_ = &owner;
    JsonType type = in_.peek();
    bool isNull = type == JsonType::Null;
    if (isNull) in_.null();
    switch (field.shape) {
      case Shape::Value:
        if (!isNull) element(owner, field, at, false);
        return;
      case Shape::Box: {
        auto& box = *static_cast<BoxBase*>(at);
        if (isNull) {
          if (box.pointer) field.message->destroy(std::exchange(box.pointer, nullptr));
          return;
        }
        if (!box.pointer) {
          if (!spend(field.message->size)) return;
          box.pointer = field.message->create();
        }
        message(*field.message, box.pointer);
        return;
      }
      case Shape::Optional:
        visitType(field.type, [&](auto tag) {
          auto& optional = *static_cast<std::optional<typename decltype(tag)::type>*>(at);
          if (isNull) {
            optional.reset();
          } else {
            read(field, optional.emplace(), false);
          }
        });
        return;
      case Shape::Vector:
        field.container->clear(at);
        if (!isNull) vector(owner, field, at, type);
        return;
      case Shape::Map:
        if (isNull) {
          field.container->clear(at);
        } else {
          map(owner, field, at, type);
        }
        return;
    }
  }

  /// `inside`: of a list or map.
  void element(const MessageInfo& owner, const FieldInfo& field, void* at, bool inside) {
    if (field.type == FieldType::Message) {
      message(*field.message, at);
      return;
    }
    owner_ = &owner;
    visitType(field.type, [&](auto tag) {
      read(field, *static_cast<typename decltype(tag)::type*>(at), inside);
    });
  }

  void vector(const MessageInfo& owner, const FieldInfo& field, void* at, JsonType type) {
    if (type != JsonType::Array) return mismatch(type, field, false);
    if (!deeper()) return;
    const ContainerOps& ops = *field.container;
    in_.beginArray();
    for (size_t i = 0; in_.nextElement(); ++i) {
      // A vector that grows holds up to three times its elements for a moment.
      if (!spend(size_t{ops.elementSize} * 2)) return;
      void* slot = ops.append(at);
      if (in_.peek() == JsonType::Null) {
        in_.null();
      } else if (field.type == FieldType::Message) {
        Step step(*this, {nullptr, {}, i});
        message(*field.message, slot);
      } else {
        element(owner, field, slot, true);
      }
    }
    ++depthLeft_;
  }

  void map(const MessageInfo& owner, const FieldInfo& field, void* at, JsonType type) {
    if (type != JsonType::Object) return mismatch(type, field, false);
    if (!deeper()) return;
    const ContainerOps& ops = *field.container;
    in_.beginObject();
    std::string_view key;
    while (in_.nextKey(key)) {
      size_t size = ops.size(at);
      if (size > 0 && key <= ops.keyAt(at, size - 1)) {
        // Out of order, an insertion moves what is behind it: bound the work.
        if (size > movesLeft_) {
          in_.fail("json: too many map entries out of order");
          return;
        }
        movesLeft_ -= size;
      }
      if (!spend(size_t{ops.elementSize} * 2 + 64)) return;
      bool added = false;
      void* slot = ops.insert(at, key, &added);
      if (!added) strict("duplicate", key);
      if (in_.peek() == JsonType::Null) {
        in_.null();
      } else if (field.type == FieldType::Message) {
        std::string name(key);
        Step step(*this, {nullptr, name, 0});
        message(*field.message, slot);
      } else {
        element(owner, field, slot, true);
      }
    }
    ++depthLeft_;
  }

  // One read() for each C++ type; none is called for null.

  void read(const FieldInfo& field, std::string& to, bool inside) {
    if (JsonType type = in_.peek(); type != JsonType::String) return mismatch(type, field, inside);
    std::string_view text;
    if (in_.string(text)) to.assign(text);
  }

  void read(const FieldInfo& field, Bytes& to, bool inside) {
    if (JsonType type = in_.peek(); type != JsonType::String) return mismatch(type, field, inside);
    std::string_view text;
    if (!in_.string(text)) return;
    if (auto decoded = base64Decode(text)) {
      to.data = std::move(*decoded);
    } else {
      save(base64Error(text));
    }
  }

  void read(const FieldInfo& field, bool& to, bool inside) {
    if (JsonType type = in_.peek(); type != JsonType::Bool) return mismatch(type, field, inside);
    in_.boolean(to);
  }

  template <typename Number>
  requires(std::is_arithmetic_v<Number> &&
           !std::is_same_v<Number, bool>) void read(const FieldInfo& field, Number& to,
                                                    bool inside) {
    if (JsonType type = in_.peek(); type != JsonType::Number) return mismatch(type, field, inside);
    std::string_view text;
    if (!in_.number(text)) return;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    if (error == std::errc() && end == text.data() + text.size()) return;
    if (status_.ok())
      mismatchText("number " + std::string(text), goTypeName(*owner_, field, inside));
  }

  void read(const FieldInfo& field, std::vector<std::string>& to, bool inside) {
    if (JsonType type = in_.peek(); type != JsonType::Array) return mismatch(type, field, inside);
    to.clear();
    in_.beginArray();
    while (in_.nextElement()) {
      if (!spend(sizeof(std::string) * 2)) return;
      JsonType type = in_.peek();
      std::string& item = to.emplace_back();
      std::string_view text;
      if (type == JsonType::Null) {
        in_.null();
      } else if (type != JsonType::String) {
        mismatch(type, std::string("string"));
      } else if (in_.string(text)) {
        item.assign(text);
      }
    }
  }

  void read(const FieldInfo& field, Quantity& to, bool inside) {
    std::string_view text;
    if (in_.peek() == JsonType::String ? !in_.string(text) : !in_.raw(text)) return;
    constexpr std::string_view kSpace = " \t\r\n\v\f";
    size_t first = text.find_first_not_of(kSpace);
    text = first == std::string_view::npos
               ? std::string_view()
               : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
    auto parsed = Quantity::parse(text);
    if (!parsed.ok()) return save(parsed.status().message());
    to = std::move(parsed).value();
  }

  void read(const FieldInfo& field, IntOrString& to, bool inside) {
    JsonType type = in_.peek();
    std::string_view text;
    if (type == JsonType::String) {
      if (in_.string(text)) to = IntOrString(text);
      return;
    }
    if (type != JsonType::Number) return foreign(type, "int32");
    if (!in_.number(text)) return;
    int32_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
      return save("json: cannot unmarshal number " + std::string(text) +
                  " into Go value of type int32");
    }
    to = IntOrString(number);
  }

  /// Types that read themselves know nothing of the path.
  void foreign(JsonType found, std::string_view goType) {
    auto kept = std::move(path_);
    path_.clear();
    mismatch(found, std::string(goType));
    path_ = std::move(kept);
  }

  template <typename T>
  requires requires(T t) {
    T::parse(std::string_view()), t.str();
  } &&(!std::is_same_v<T, Quantity>)void read(const FieldInfo& field, T& to, bool inside) {
    if (JsonType type = in_.peek(); type != JsonType::String) return foreign(type, "string");
    std::string_view text;
    if (!in_.string(text)) return;
    auto parsed = T::parse(text);
    if (!parsed.ok()) return save(parsed.status().message());
    to = std::move(parsed).value();
  }

  template <typename Raw>
  requires requires(Raw r) { r.raw; }
  void read(const FieldInfo& field, Raw& to, bool inside) {
    std::string_view text;
    if (in_.raw(text)) to.raw.assign(text);
  }

  Reader& in_;
  JsonReport* report_;
  const MessageInfo* top_ = nullptr;
  const MessageInfo* owner_ = nullptr;
  std::vector<PathItem> path_;
  int depthLeft_;
  size_t memoryLeft_;
  size_t movesLeft_ = 200'000'000;
  Status status_;
};

}  // namespace coxswain::api
