#pragma once

// Shared by applying and making strategic patches; not for others.

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/patch/schema.h"
#include "base/result.h"

namespace coxswain::api::strategic {

inline constexpr std::string_view kPatch = "$patch";
inline constexpr std::string_view kRetainKeys = "$retainKeys";
inline constexpr std::string_view kOrderPrefix = "$setElementOrder/";
inline constexpr std::string_view kDeletePrefix = "$deleteFromPrimitiveList/";

struct MergeOptions {
  /// Directives of `patch` take effect. False: `original` is a patch too, and they are carried
  /// over.
  bool applyDirectives = true;
  /// Null for what is not there leaves nothing behind.
  bool ignoreUnmatchedNulls = true;
};

/// Merges `patch` into `original`, both maps.
Status mergeMap(boost::json::object& original, boost::json::object& patch,
                const PatchSchema& schema, const MergeOptions& options);

/// Elements of one list are all maps or all scalars. Empty lists: scalars.
enum class ElementKind : uint8_t { Scalar, Map };
Result<ElementKind> elementKind(const boost::json::array& a, const boost::json::array* b = nullptr);

/// The places of a list's elements, by merge key or by value; -1: not there.
class Positions {
 public:
  Positions(const boost::json::array& list, std::string_view mergeKey);
  [[nodiscard]] int64_t of(const boost::json::value& element) const;
  /// What elements are told apart by: the text of the merge key's value, or of the element.
  static std::string keyOf(const boost::json::value& element, std::string_view mergeKey);

 private:
  std::string_view mergeKey_;
  std::vector<std::pair<std::string, int64_t>> sorted_;
};

/// `patchItems` in `patchOrder`, `otherItems` in `serverOrder`, woven so that both keep their
/// order.
boost::json::array weave(boost::json::array patchItems, boost::json::array otherItems,
                         const boost::json::array& patchOrder,
                         const boost::json::array& serverOrder, std::string_view mergeKey);

/// An answer without a reason.
Status failure(std::string message);
Status noMergeKey(const boost::json::value& element, std::string_view key);
Status badType(std::string_view expected, const boost::json::value& got);

inline std::string_view view(boost::json::string_view s) {
  return {s.data(), s.size()};
}

}  // namespace coxswain::api::strategic
