#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "api/reflect/info.h"
#include "base/result.h"
#include "base/time.h"

namespace coxswain::api::meta::v1 {
struct ListMeta;
struct Table;
}  // namespace coxswain::api::meta::v1

namespace coxswain::apiserver {

/// What `rows[].object` holds: null, a PartialObjectMetadata, or the object itself.
enum class IncludeObject : uint8_t { None, Metadata, Object };

/// Of ?includeObject= ; empty: Metadata. BadRequest for other words.
Result<IncludeObject> parseIncludeObject(std::string_view text);

struct TableOptions {
  WallTime now;  ///< ages count up to it
  IncludeObject includeObject = IncludeObject::Metadata;
  /// False: columnDefinitions stay empty, as in all but the first event of a watch.
  bool columns = true;
  /// Of rows with IncludeObject::Object; empty: those of the type.
  std::string_view apiVersion = {};
  std::string_view kind = {};
};

/// meta.k8s.io/v1 Table of an object, of a list kind, or of a Status: one row for each. Kinds
/// without a printer of their own get Name and Created At. The columns are those of
/// shared/api/columns.tsv. Any thread.
api::meta::v1::Table toTable(const api::MessageInfo& info, const void* object,
                             const TableOptions& options);

/// The same of objects that are not in a list struct, all of type `info`. `list` may be null.
api::meta::v1::Table toTable(const api::MessageInfo& info, std::span<const void* const> objects,
                             const api::meta::v1::ListMeta* list, const TableOptions& options);

}  // namespace coxswain::apiserver
