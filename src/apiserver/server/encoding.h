#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/object.h"
#include "apiserver/generic/generic_registry.h"
#include "apiserver/registry/resources.h"
#include "apiserver/server/negotiation.h"
#include "base/result.h"
#include "base/time.h"
#include "net/http.h"

namespace coxswain::apiserver {

/// A failure as a metav1.Status body. `continueToken` where a list can be gone on with.
std::string encodeStatus(const Status& status, MediaType type, std::string_view continueToken = {});

/// How one object or list is to be written.
struct Encoding {
  Accepted accepted;
  std::string_view includeObject;  ///< of tables
  WallTime now;
  bool columns = true;  ///< of tables: columnDefinitions are written
};

/// Any object with its kind and apiVersion (empty: those of its type), as it is.
Result<std::string> encodeObject(const api::ConstObject& object, std::string_view apiVersion,
                                 std::string_view kind, const Accepted& accepted);
/// The same in the form that was asked for: whole, as a Table, or its metadata.
Result<std::string> encodeAs(const api::ConstObject& object, std::string_view apiVersion,
                             std::string_view kind, const Encoding& encoding);
/// An object or a list that is no collection's: whole, or as a Table with a row for each object.
Result<std::string> encodeWhole(const api::ConstObject& object, std::string_view apiVersion,
                                std::string_view kind, const Encoding& encoding);
/// One object of `resource`; shares the text that its entry keeps.
Result<std::string> encodeItem(const Resource& resource, const Item& item,
                               const Encoding& encoding);
/// The list kind of `resource` around `answer`.
Result<std::string> encodeList(const Resource& resource, const ListAnswer& answer,
                               const Encoding& encoding);
/// The same as JSON in gzip, from what the entries keep. Empty: not possible, or not worth it.
Result<std::string> encodeListGzip(const Resource& resource, const ListAnswer& answer,
                                   const Encoding& encoding);
/// Appends one frame of a watch: JSON line, or length and WatchEvent.
void appendWatchFrame(std::string& out, std::string_view type, std::string_view object,
                      MediaType mediaType);

/// As go-yaml tells what it finds line by line: keys that are there twice.
inline constexpr std::string_view kYamlFailure = "yaml: unmarshal errors:";
std::string yamlFailure(const std::vector<std::string>& lines);

/// A kind that a body may be decoded as.
struct BodyKind {
  std::string_view group;
  std::string_view version;
  std::string_view kind;
  const api::MessageInfo* info = nullptr;
};
/// Why an object of another kind cannot be taken for the wanted one, in Go's words.
std::string otherKindFailure(const BodyKind& wanted, std::string_view givenVersion,
                             std::string_view kind);
/// A body as a new object. `strict` collects unknown and duplicate fields. No defaults.
Result<api::Object> decodeBody(const BodyKind& wanted, std::string_view body, MediaType type,
                               std::vector<std::string>* strict);

/// Adds Warning headers (RFC 7234, code 299): each text once. As upstream, texts of more than 4096
/// characters in all are cut to 256 each, and those beyond the limit are left out.
void addWarnings(net::Headers& headers, const std::vector<std::string>& warnings);

/// JSON text with line breaks and two spaces a level, as Go's Indent writes it.
std::string indentJson(std::string_view json);

}  // namespace coxswain::apiserver
