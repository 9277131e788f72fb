#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/generic/generic_registry.h"
#include "apiserver/registry/resources.h"
#include "apiserver/server/negotiation.h"
#include "apiserver/server/request_info.h"
#include "base/result.h"

namespace coxswain::apiserver {

// Query parameters of the verbs, read and checked as upstream's ListOptions, CreateOptions,
// UpdateOptions, PatchOptions and DeleteOptions. Failures are BadRequest, or Invalid of the
// options.

enum class FieldValidation : uint8_t { Ignore, Warn, Strict };

struct WriteOptions {
  bool dryRun = false;
  std::string fieldManager;
  FieldValidation fieldValidation = FieldValidation::Warn;
  bool force = false;  ///< of server-side apply
};

/// `kind`: "CreateOptions", "UpdateOptions", "PatchOptions".
Result<WriteOptions> parseWriteOptions(const Query& query, std::string_view kind);
/// Of PATCH: `apply` says whether the body is an apply configuration.
Result<WriteOptions> parsePatchOptions(const Query& query, bool apply);

/// From the body, or from the query where there is none. `cascades`, if given: whether
/// orphanDependents was set to false, the old way to say "Background".
Result<DeleteRequest> parseDeleteOptions(const Query& query, std::string_view body,
                                         std::string_view contentType, bool* cascades = nullptr);

/// `name` of a request about one object; empty: none.
Result<ListRequest> parseListOptions(const Query& query, std::string_view ns,
                                     const Resource& resource);

struct WatchParameters {
  ListRequest selection;  ///< limit and continue are not used
  bool bookmarks = false;
  bool initialEvents = false;
  bool fromNow = false;        ///< the client does not want to see what is there
  int64_t timeoutSeconds = 0;  ///< 0: not given
};
Result<WatchParameters> parseWatchOptions(const Query& query, std::string_view ns,
                                          std::string_view name, const Resource& resource);

}  // namespace coxswain::apiserver
