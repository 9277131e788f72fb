#pragma once

#include <string_view>

#include "api/reflect/object.h"
#include "base/result.h"
#include "client/client.h"

namespace coxswain::client {

// Bodies of answers, protobuf or JSON: which, their first bytes say. BadRequest where broken.

/// An object of `type`, or of whatever known kind the body says it is (Status, Scale, ...).
Result<api::ConstObject> decodeAnswer(const ResourceType& type, std::string_view body);
/// A list of `type`'s objects.
Result<ObjectList> decodeList(const ResourceType& type, std::string_view body);

}  // namespace coxswain::client
