#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace coxswain::apiserver {

enum class MediaType : uint8_t { Json, Yaml, Protobuf };

/// What the client wants to read.
struct Accepted {
  MediaType mediaType = MediaType::Json;
  bool table = false;                ///< ;as=Table;g=meta.k8s.io;v=v1
  bool aggregatedDiscovery = false;  ///< ;as=APIGroupDiscoveryList
};

/// Of the Accept header: the first entry that can be served, in the client's order. NotAcceptable.
Result<Accepted> negotiate(std::string_view accept);

/// Of a request's body. UnsupportedMediaType.
Result<MediaType> bodyType(std::string_view contentType);

std::string_view contentTypeOf(MediaType type);

}  // namespace coxswain::apiserver
