#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace coxswain::api {

struct MessageInfo;

/// What a field (or the elements of a list or map) holds. The comment is the C++ type.
enum class FieldType : uint8_t {
  String,        // std::string
  Bytes,         // Bytes
  Bool,          // bool
  Int32,         // int32_t; proto3 enums too
  Int64,         // int64_t
  UInt32,        // uint32_t
  UInt64,        // uint64_t
  Double,        // double
  Float,         // float
  StringList,    // std::vector<std::string>, a message of its own on the wire
  Quantity,      // api/meta/quantity.h
  IntOrString,   // api/meta/int_or_string.h
  Time,          // api/meta/time.h
  MicroTime,     //
  Duration,      // GoDuration
  RawExtension,  // api/meta/raw.h
  FieldsV1,      //
  RawJson,       //
  Message,       // a generated struct
};

/// How the struct's member holds it.
enum class Shape : uint8_t {
  Value,     // T
  Optional,  // std::optional<T>, T not a message
  Box,       // Box<T>, T a message
  Vector,    // std::vector<T>
  Map,       // Map<T>
};

/// Bits of FieldInfo::flags.
enum FieldFlag : uint16_t {
  kFieldAlways = 1,         ///< JSON: written when empty too (Go: no omitempty)
  kFieldOmitZero = 2,       ///< JSON: a zero struct is left out (Go: omitzero)
  kFieldPointer = 4,        ///< unset is different from zero
  kFieldInline = 8,         ///< JSON: its members stand among those of the parent
  kFieldRequired = 16,      ///< OpenAPI
  kFieldNoJson = 32,        ///< not in JSON
  kFieldNoWire = 64,        ///< not in protobuf
  kFieldPacked = 128,       ///< protobuf: repeated scalars in one record
  kFieldListItems = 256,    ///< `items` of a list kind: [] in JSON when there are none
  kFieldElementKind = 512,  ///< JSON: the server writes kind and apiVersion into the elements
};

enum class ListType : uint8_t { None, Atomic, Set, Map };
enum class StructType : uint8_t { None, Atomic, Granular };

/// Named strings of a field.
struct EnumInfo {
  std::string_view name;
  std::span<const std::string_view> values;
};

/// What OpenAPI, strategic merge patch and server-side apply know of a field.
struct FieldMeta {
  ListType listType = ListType::None;  ///< None: atomic
  StructType structType = StructType::None;
  std::span<const std::string_view> listMapKeys;
  std::string_view patchStrategy;  ///< "merge", "merge,retainKeys", "retainKeys", "replace"
  std::string_view patchMergeKey;
  std::string_view defaultJson;  ///< JSON text; empty: none
  const EnumInfo* enumInfo = nullptr;
  std::string_view featureGate;
  std::string_view unionRole;
};

/// Access to a std::vector<T> or Map<T> without knowing T.
struct ContainerOps {
  uint32_t elementSize;
  size_t (*size)(const void* container);
  const void* (*at)(const void* container, size_t index);
  void* (*mutableAt)(void* container, size_t index);
  void (*clear)(void* container);
  void (*reserve)(void* container, size_t count);
  /// Vectors only: a new element at the end.
  void* (*append)(void* container);
  /// Maps only.
  std::string_view (*keyAt)(const void* container, size_t index);
  void* (*insert)(void* container, std::string_view key, bool* added);
};

struct FieldInfo {
  std::string_view name;  ///< in JSON; the proto name where JSON has none
  std::string_view protoName;
  uint32_t number;
  FieldType type;
  Shape shape;
  uint16_t flags;
  uint32_t offset;                ///< of the member in its struct
  const MessageInfo* message;     ///< of FieldType::Message
  const ContainerOps* container;  ///< of Shape::Vector and Shape::Map
  const FieldMeta* meta;          ///< never null

  [[nodiscard]] bool has(FieldFlag flag) const { return (flags & flag) != 0; }
  const void* in(const void* object) const { return static_cast<const char*>(object) + offset; }
  void* in(void* object) const { return static_cast<char*>(object) + offset; }
};

/// A member of the JSON object, with those of inlined messages; `offset` counts from the outer
/// struct.
struct JsonMember {
  const FieldInfo* field;
  uint32_t offset;
  const void* in(const void* object) const { return static_cast<const char*>(object) + offset; }
  void* in(void* object) const { return static_cast<char*>(object) + offset; }
};

struct KindInfo {
  std::string_view group;  ///< empty: core
  std::string_view version;
  std::string_view kind;
  std::string_view apiVersion;  ///< "v1", "apps/v1"
  bool isList;
};

/// Messages whose JSON is not the object of their members.
enum class JsonForm : uint8_t { Object, SchemaOrBool, SchemaOrArray, SchemaOrStrings, RawUnknown };

/// Constant description of a generated struct. Reached as `T::info()`.
struct MessageInfo {
  std::string_view name;                    ///< "Pod"
  std::string_view package;                 ///< "k8s.io.api.core.v1"
  std::span<const FieldInfo> fields;        ///< in schema order
  std::span<const uint16_t> byNumber;       ///< indices of fields on the wire, ascending number
  std::span<const JsonMember> jsonMembers;  ///< in JSON order
  std::span<const uint16_t> jsonByName;     ///< indices of jsonMembers, sorted by name
  const KindInfo* kind;                     ///< null: not a top-level kind
  JsonForm jsonForm;
  bool proto3;         ///< default scalars are not written
  int32_t objectMeta;  ///< offset of `metadata` if it is an ObjectMeta, else -1
  int32_t listMeta;    ///< offset of `metadata` if it is a ListMeta, else -1

  uint32_t size;
  void* (*create)();
  void (*destroy)(void* object);  ///< what create or clone made
  void* (*clone)(const void* object);
  void (*assign)(void* to, const void* from);
  void (*moveAssign)(void* to, void* from);

  /// By JSON name, also inlined members. Null: no such member. `hint` is where to look first: an
  /// index into jsonMembers that the caller keeps between calls (start with 0).
  const JsonMember* findJson(std::string_view jsonName, size_t* hint = nullptr) const;
  /// By number; null: unknown. `hint` likewise, an index into byNumber.
  const FieldInfo* findNumber(uint32_t number, size_t* hint = nullptr) const;
};

}  // namespace coxswain::api
