#pragma once

#include <boost/json/fwd.hpp>

#include "api/reflect/info.h"
#include "base/result.h"

namespace coxswain::api {

/// Strategic merge patch: lists with a merge key are merged by it, sets of scalars are joined, and
/// directives say more: `$patch: replace|delete` in maps and list elements, `$retainKeys`,
/// `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`. Null removes a member.
///
/// `info` is of the object. Errors are those an API server answers: BadRequest for malformed
/// directives, else 500 without a reason ("map: ... does not contain declared merge key: name").
/// Values of the wrong type go through: decoding the result finds them.
/// Upstream: apimachinery/pkg/util/strategicpatch.
Result<boost::json::value> applyStrategicMergePatch(boost::json::value original,
                                                    boost::json::value patch,
                                                    const MessageInfo& info);

/// The patch from one object to the other. Empty object: no difference.
Result<boost::json::value> createTwoWayStrategicPatch(const boost::json::value& original,
                                                      const boost::json::value& modified,
                                                      const MessageInfo& info);

/// kubectl apply: what to send so that `current` (live) becomes `modified`, leaving alone what
/// neither `original` (last applied) nor `modified` speak of. Without `overwrite`, Conflict where
/// someone else changed what this would change.
Result<boost::json::value> createThreeWayStrategicPatch(const boost::json::value& original,
                                                        const boost::json::value& modified,
                                                        const boost::json::value& current,
                                                        const MessageInfo& info,
                                                        bool overwrite = true);

}  // namespace coxswain::api
