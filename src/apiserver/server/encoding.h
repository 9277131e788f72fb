#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/reflect/object.h"
#include "apiserver/generic/generic_registry.h"
#include "apiserver/registry/resources.h"
#include "apiserver/server/negotiation.h"
#include "base/result.h"

namespace coxswain::apiserver {

/// A failure as a metav1.Status body.
std::string encodeStatus(const Status& status, MediaType type);

/// Any object with its kind and apiVersion (empty: those of its type).
Result<std::string> encodeObject(const api::ConstObject& object, std::string_view apiVersion,
                                 std::string_view kind, MediaType type);
/// The list kind of `resource` around `answer`.
Result<std::string> encodeList(const Resource& resource, const ListAnswer& answer, MediaType type);
/// The Table of `objects`.
Result<std::string> encodeTable(const Resource& resource, std::span<const api::ConstObject> objects,
                                const ListAnswer* list, std::string_view includeObject,
                                WallTime now, bool columns);
/// One frame of a watch: JSON line, or length and WatchEvent.
std::string watchFrame(std::string_view type, std::string_view object, MediaType mediaType);

/// A body as a new object of the resource. `strict` collects unknown and duplicate fields.
Result<api::Object> decodeBody(const Resource& resource, std::string_view body, MediaType type,
                               std::vector<std::string>* strict);

}  // namespace coxswain::apiserver
