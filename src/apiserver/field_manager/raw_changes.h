#pragma once

#include "api/reflect/info.h"
#include "apiserver/field_manager/field_tree.h"

namespace coxswain::apiserver {

/// Can objects of the kind hold raw JSON (RawExtension) within an atomic list?
bool holdsRawLists(const api::MessageInfo& info);

/// Atomic lists in which raw JSON differs by its text. Upstream takes such lists for changed even
/// where the values are equal: a patch writes what it was not about without its white space. Only
/// for kinds that hold any.
FieldTree rawChanges(const api::MessageInfo& info, const void* before, const void* after);

}  // namespace coxswain::apiserver
