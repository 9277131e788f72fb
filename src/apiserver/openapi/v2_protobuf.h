#pragma once

#include <boost/json/object.hpp>
#include <string>

namespace coxswain::apiserver::openapi {

/// A v2 document (as OpenApi::v2 makes it) as the protobuf message openapi.v2.Document. Members
/// that our documents never have are not known here and left out.
std::string encodeV2Protobuf(const boost::json::object& document);

}  // namespace coxswain::apiserver::openapi
