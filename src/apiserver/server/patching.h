#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/object.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/options.h"
#include "base/result.h"

namespace coxswain::apiserver {

enum class PatchKind : uint8_t { Json, Merge, StrategicMerge, Apply };

/// BadRequest, `context` and Go's text, for what is neither an object nor null.
Status checkIsObject(const boost::json::value& patch, std::string_view context);

/// Of a Content-Type; nothing: not a patch.
std::optional<PatchKind> patchKindOf(std::string_view contentType);

/// One patch, which may be applied to several states of an object. Not for PatchKind::Apply.
class Patch {
 public:
  Patch(PatchKind kind, std::string body, FieldValidation validation)
      : kind_(kind), body_(std::move(body)), validation_(validation) {}

  /// `current` as the client sees it; the result has no defaults. Unknown fields are added to
  /// `warnings`, or refused. Failures are upstream's: BadRequest for a patch that is none, Invalid
  /// for one that does not fit.
  Result<api::Object> apply(const BodyKind& kind, const api::Object& current,
                            std::vector<std::string>& warnings) const;

 private:
  PatchKind kind_;
  std::string body_;
  FieldValidation validation_;
};

/// Refuses, tells or passes over what decoding found: BadRequest with Strict.
Status applyFieldValidation(FieldValidation mode, std::string_view kind, std::string_view version,
                            std::vector<std::string> found, std::vector<std::string>& warnings);

}  // namespace coxswain::apiserver
