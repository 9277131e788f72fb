#pragma once

#include <string>
#include <string_view>

#include "api/reflect/object.h"
#include "base/result.h"
#include "client/client.h"
#include "client/http/watch_decoder.h"

namespace coxswain::client {

// Bodies of answers, protobuf or JSON: which, their first bytes say. BadRequest where broken.

/// Its objects are read as PartialObjectMetadata: of kinds that this program has no schema of, or
/// where their metadata is enough.
bool isMetadataOnly(const ResourceType& type);
/// The Accept header of requests for such ("List" for lists); servers that cannot answer so may
/// send all there is.
std::string metadataAccept(std::string_view list = "");

/// An object of `type`, or of whatever known kind the body says it is (Status, Scale, ...).
Result<api::ConstObject> decodeAnswer(const ResourceType& type, std::string_view body);
/// A list of `type`'s objects.
Result<ObjectList> decodeList(const ResourceType& type, std::string_view body);
/// An event of a watch on `type`; the Status that an ERROR carries is the failure.
Result<WatchEvent> decodeWatchEvent(const ResourceType& type, const RawWatchEvent& raw);

}  // namespace coxswain::client
