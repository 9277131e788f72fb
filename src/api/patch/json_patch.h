#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace coxswain::api {

/// What an API server does to bound JSON patches.
inline constexpr size_t kJsonPatchOperationsMax = 10'000;
inline constexpr size_t kJsonPatchCopyBytesMax = 3 << 20;
/// Patches nested deeper are refused.
inline constexpr int kPatchDepthMax = 1000;

/// RFC 6902 as evanphx/json-patch v4 reads it: negative indices count from the end, "copy" of an
/// absent member gives null, "replace" may add a member to an object that is there, "test" of an
/// absent member against null holds.
///
/// A patch that is no list of operations is BadRequest, one with too many is RequestEntityTooLarge,
/// one that does not apply is Invalid (422) with the reason in evanphx's words; an API server
/// answers refusedPatch() to that last one.
Result<boost::json::value> applyJsonPatch(boost::json::value document,
                                          const boost::json::value& patch);

/// The answer of an API server to a patch that does not apply: 422 without the reason.
Status refusedPatch();

/// RFC 7396: members of objects are merged, null removes, anything else replaces.
boost::json::value applyMergePatch(boost::json::value target, const boost::json::value& patch);

/// The RFC 7396 patch from one object to the other; empty when there is no difference.
boost::json::value createMergePatch(const boost::json::value& original,
                                    const boost::json::value& modified);

/// kubectl apply for kinds without schema: changes from `current` to `modified`, plus removal of
/// what `original` (last applied) had and `modified` has not.
boost::json::value createThreeWayMergePatch(const boost::json::value& original,
                                            const boost::json::value& modified,
                                            const boost::json::value& current);

/// Whether two patches of one object contradict each other.
bool patchesConflict(const boost::json::value& left, const boost::json::value& right);

}  // namespace coxswain::api
