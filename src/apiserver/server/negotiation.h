#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace coxswain::apiserver {

enum class MediaType : uint8_t { Json, Yaml, Protobuf };

/// What of an object the client wants: `;as=` in Accept.
enum class Form : uint8_t { Object, Table, PartialMetadata, PartialMetadataList, Discovery };

/// What the client wants to read.
struct Accepted {
  MediaType mediaType = MediaType::Json;
  Form form = Form::Object;
  bool pretty = false;  ///< ;pretty=1
};

/// What can be answered.
enum class Offer : uint8_t { Resource, Watch, Document, Discovery };

/// Of the Accept header: the entry of the highest weight, in the client's order, that can be
/// served. NotAcceptable.
Result<Accepted> negotiate(std::string_view accept, Offer offer);
/// For errors of requests that get no further: JSON where nothing fits.
Accepted negotiateError(std::string_view accept);

/// Of a request's body. UnsupportedMediaType.
Result<MediaType> bodyType(std::string_view contentType);
/// A JSON or YAML body as JSON text.
Result<std::string> jsonBody(std::string_view body, MediaType type);

std::string_view contentTypeOf(MediaType type);
/// Of the frames of a watch.
std::string_view watchContentTypeOf(MediaType type);

}  // namespace coxswain::apiserver
