#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/reflect/info.h"
#include "apiserver/field_manager/field_tree.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// What server-side apply must know of a value: whether its parts are owned one by one, and how the
/// items of a list are told apart. Made from the message tables; cheap to copy.
class FieldSchema {
 public:
  enum class Kind : uint8_t { Scalar, Struct, Map, ListMap, ListSet, Atomic };

  static FieldSchema ofMessage(const api::MessageInfo& info);
  static FieldSchema ofField(const api::FieldInfo& field);

  [[nodiscard]] Kind kind() const { return kind_; }
  /// One owner for all of it.
  [[nodiscard]] bool isLeaf() const { return kind_ == Kind::Scalar || kind_ == Kind::Atomic; }
  [[nodiscard]] bool isList() const { return kind_ == Kind::ListMap || kind_ == Kind::ListSet; }
  /// Of a Struct; nothing: no such field.
  [[nodiscard]] std::optional<FieldSchema> member(std::string_view name) const;
  /// Of a map's values or a list's items.
  [[nodiscard]] FieldSchema element() const;
  /// The path part of a list item: "k:..." or "v:...". BadRequest: it lacks all keys.
  [[nodiscard]] Result<std::string> itemPart(const boost::json::value& item) const;
  [[nodiscard]] const api::FieldInfo* field() const { return field_; }
  [[nodiscard]] const api::MessageInfo* message() const { return message_; }

 private:
  Kind kind_ = Kind::Scalar;
  const api::MessageInfo* message_ = nullptr;  ///< of a Struct, or of elements
  const api::FieldInfo* field_ = nullptr;
};

/// How one object differs from another.
struct FieldDiff {
  FieldTree added;
  FieldTree modified;
  FieldTree removed;
  [[nodiscard]] bool same() const { return added.empty() && modified.empty() && removed.empty(); }
};
/// Null pointers: absent.
FieldDiff compareFields(const FieldSchema& schema, const boost::json::value* before,
                        const boost::json::value* after);

/// The fields that an apply configuration speaks of.
FieldTree fieldsOf(const FieldSchema& schema, const boost::json::value& config);

/// `live` with all that `config` says.
boost::json::value mergeFields(const FieldSchema& schema, const boost::json::value& live,
                               const boost::json::value& config);

/// Takes fields out of a value.
void removeFields(const FieldSchema& schema, boost::json::value& value, const FieldTree& fields);

/// Types, unknown fields and duplicate items of a configuration; the first thing wrong, as
/// ".data.a: expected string, got ...". BadRequest.
Status checkFields(const FieldSchema& schema, const boost::json::value& config);

}  // namespace coxswain::apiserver
