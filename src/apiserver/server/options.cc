#include "apiserver/server/options.h"

#include <algorithm>
#include <charconv>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/meta_v1.h"
#include "api/names/field_error.h"
#include "api/names/quote.h"
#include "apiserver/registry/metadata.h"

namespace coxswain::apiserver {
namespace {

using api::FieldErrors;
using api::FieldPath;

constexpr std::string_view kOptionsGroup = ".meta.k8s.io";
/// Of a watch; nobody waits longer, and clocks know no such times.
constexpr int64_t kTimeoutMax = int64_t{365} * 24 * 3600;

Status optionsStatus(const FieldErrors& errors, std::string_view kind) {
  return errors.empty() ? Status() : errors.toStatus(std::string(kind).append(kOptionsGroup), "");
}

Result<int64_t> parseInt(std::string_view text) {
  int64_t value = 0;
  const auto* first = text.data() + (text.starts_with('+') ? 1 : 0);
  auto [end, error] = std::from_chars(first, text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return badRequest("strconv.ParseInt: parsing " + api::goQuote(text) + ": value out of range");
  }
  if (error != std::errc() || end != text.data() + text.size()) {
    return badRequest("strconv.ParseInt: parsing " + api::goQuote(text) + ": invalid syntax");
  }
  return value;
}

void checkDryRun(const std::vector<std::string>& values, FieldErrors& errors) {
  if (std::all_of(values.begin(), values.end(), [](const auto& v) { return v == "All"; })) return;
  errors.notSupported(FieldPath("dryRun"), values, {"All"});
}

void parseFieldValidation(std::string_view text, WriteOptions& out, FieldErrors& errors) {
  if (text == "Ignore") {
    out.fieldValidation = FieldValidation::Ignore;
  } else if (text == "Strict") {
    out.fieldValidation = FieldValidation::Strict;
  } else if (!text.empty() && text != "Warn") {
    errors.notSupported(FieldPath("fieldValidation"), text, {"", "Ignore", "Strict", "Warn"});
  }
}

WriteOptions parseCommon(const Query& query, FieldErrors& errors) {
  WriteOptions options;
  auto dryRun = query.all("dryRun");
  checkDryRun(dryRun, errors);
  options.dryRun = !dryRun.empty();
  options.fieldManager = query.get("fieldManager");
  validateFieldManager(options.fieldManager, FieldPath("fieldManager"), errors);
  parseFieldValidation(query.get("fieldValidation"), options, errors);
  return options;
}

Result<api::meta::v1::DeleteOptions> decodeDeleteOptions(std::string_view body,
                                                         std::string_view contentType) {
  TRY(auto type, bodyType(contentType));
  std::string kind;
  std::string apiVersion;
  api::meta::v1::DeleteOptions options;
  if (type == MediaType::Protobuf) {
    TRY(auto envelope, api::openEnvelope(body));
    kind = envelope.kind;
    apiVersion = envelope.apiVersion;
    TRY(options, api::decodeProtobuf<api::meta::v1::DeleteOptions>(envelope.raw));
  } else {
    TRY(auto json, jsonBody(body, type));
    auto peeked = api::peekJsonType(json);
    if (!peeked.ok()) {
      return badRequest("couldn't get version/kind; json parse error: " +
                        peeked.status().message());
    }
    kind = peeked->kind;
    apiVersion = peeked->apiVersion;
    TRY(options, api::decodeJson<api::meta::v1::DeleteOptions>(json));
  }
  if (!kind.empty() && kind != "DeleteOptions") {
    return badRequest("no kind " + api::goQuote(kind) + " is registered for version " +
                      api::goQuote(apiVersion) +
                      " in scheme \"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/"
                      "register.go:27\"");
  }
  return options;
}

Result<api::meta::v1::DeleteOptions> queryDeleteOptions(const Query& query) {
  api::meta::v1::DeleteOptions options;
  options.dryRun = query.all("dryRun");
  if (query.has("propagationPolicy")) {
    options.propagationPolicy = std::string(query.get("propagationPolicy"));
  }
  if (query.has("orphanDependents")) options.orphanDependents = query.option("orphanDependents");
  if (query.has("gracePeriodSeconds")) {
    TRY(auto seconds, parseInt(query.get("gracePeriodSeconds")));
    options.gracePeriodSeconds = seconds;
  }
  return options;
}

void checkMatch(const ListRequest& request, bool watch, bool initialEvents, FieldErrors& errors) {
  const FieldPath path("resourceVersionMatch");
  const auto& match = request.resourceVersionMatch;
  if (watch) {
    if (initialEvents && match != "NotOlderThan") {
      errors.forbidden(path,
                       "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    if (match.empty()) return;
    if (!initialEvents) {
      errors.forbidden(path,
                       "resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
                       "provided");
    }
    if (match != "NotOlderThan") errors.notSupported(path, match, {"NotOlderThan"});
    if (!request.continueToken.empty()) {
      errors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided");
    }
    return;
  }
  if (match.empty()) return;
  if (request.resourceVersion.empty()) {
    errors.forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided");
  }
  if (!request.continueToken.empty()) {
    errors.forbidden(path, "resourceVersionMatch is forbidden when continue is provided");
  }
  if (match != "Exact" && match != "NotOlderThan") {
    errors.notSupported(path, match, {"Exact", "NotOlderThan", ""});
  }
  if (match == "Exact" && request.resourceVersion == "0") {
    errors.forbidden(path, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  }
}

/// Kinds that say for themselves which fields select, and in words of their own.
struct OwnFields {
  std::string_view resource;
  std::string_view before;
  std::string_view after = {};
  bool byNamespace = true;
  std::string_view empty = {};  ///< known, and nothing has it
};
constexpr std::string_view kNotSupported = "field label not supported: ";
constexpr OwnFields kOwnFields[] = {
    {"pods", kNotSupported, "", true, "status.podIPs"},
    {"nodes", kNotSupported, "", false},
    {"namespaces", kNotSupported, "", false},
    {"replicationcontrollers", kNotSupported},
    {"events", kNotSupported},
    {"secrets", kNotSupported},
    {"services", kNotSupported},
    {"events.events.k8s.io", kNotSupported},
    {"certificatesigningrequests.certificates.k8s.io", kNotSupported, "", false},
    {"resourceslices.resource.k8s.io",
     "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ", "", false},
    {"statefulsets.apps", "field label not supported for appsv1.StatefulSet: ", "", true,
     "status.successful"},
    {"jobs.batch", "field label ", " not supported for batchv1.Job"},
};

Status checkFields(const Resource& resource, api::FieldSelector& fields) {
  if (fields.isEverything()) return {};
  std::vector<std::string_view> known = {"metadata.name", "metadata.namespace"};
  const auto& more = resource.strategy->traits().fieldSelectors;
  const auto name = resource.qualifiedName();
  const auto own = std::find_if(std::begin(kOwnFields), std::end(kOwnFields),
                                [&](const OwnFields& each) { return each.resource == name; });
  if (own == std::end(kOwnFields)) {
    known.insert(known.end(), more.begin(), more.end());
    return fields.checkKnown(known);
  }
  if (!own->byNamespace) known.pop_back();
  known.insert(known.end(), more.begin(), more.end());
  if (!own->empty.empty()) known.push_back(own->empty);
  api::FieldSelector renamed;
  for (auto each : fields.requirements()) {
    // As clients of long ago have it.
    if (name == "pods" && each.field == "spec.host") each.field = "spec.nodeName";
    if (std::find(known.begin(), known.end(), each.field) == known.end()) {
      return badRequest(std::string(own->before) +
                        (own->after.empty() ? each.field : api::goQuote(each.field)) +
                        std::string(own->after));
    }
    renamed.add(std::move(each));
  }
  fields = std::move(renamed);
  return {};
}

Result<ListRequest> parseSelection(const Query& query, std::string_view ns) {
  ListRequest request;
  request.ns = ns;
  TRY(request.labels, api::LabelSelector::parse(query.get("labelSelector")));
  TRY(request.fields, api::FieldSelector::parse(query.get("fieldSelector")));
  if (auto text = query.get("limit"); !text.empty()) {
    TRY(request.limit, parseInt(text));
    request.limit = std::max<int64_t>(request.limit, 0);
  }
  request.continueToken = query.get("continue");
  request.resourceVersion = query.get("resourceVersion");
  request.resourceVersionMatch = query.get("resourceVersionMatch");
  if (auto text = query.get("timeoutSeconds"); !text.empty()) {
    TRY_STATUS(parseInt(text).status());
  }
  return request;
}

}  // namespace

Result<WriteOptions> parseWriteOptions(const Query& query, std::string_view kind) {
  FieldErrors errors;
  auto options = parseCommon(query, errors);
  TRY_STATUS(optionsStatus(errors, kind));
  return options;
}

Result<WriteOptions> parsePatchOptions(const Query& query, bool apply) {
  FieldErrors errors;
  auto options = parseCommon(query, errors);
  options.force = query.option("force");
  if (!apply && query.has("force")) {
    errors.forbidden(FieldPath("force"), "may not be specified for non-apply patch");
  }
  if (apply && options.fieldManager.empty()) {
    errors.required(FieldPath("fieldManager"), "is required for apply patch");
  }
  TRY_STATUS(optionsStatus(errors, "PatchOptions"));
  return options;
}

Result<DeleteRequest> parseDeleteOptions(const Query& query, std::string_view body,
                                         std::string_view contentType, bool* cascades) {
  TRY(auto options,
      body.empty() ? queryDeleteOptions(query) : decodeDeleteOptions(body, contentType));
  FieldErrors errors;
  const FieldPath policyPath("propagationPolicy");
  const auto policy = options.propagationPolicy.value_or("");
  if (options.propagationPolicy && options.orphanDependents) {
    errors.invalid(policyPath, policy,
                   "orphanDependents and deletionPropagation cannot be both set");
  }
  if (options.propagationPolicy && policy != "Orphan" && policy != "Foreground" &&
      policy != "Background") {
    errors.notSupported(policyPath, policy, {"Foreground", "Background", "Orphan", "nil"});
  }
  checkDryRun(options.dryRun, errors);
  TRY_STATUS(optionsStatus(errors, "DeleteOptions"));

  DeleteRequest request;
  request.gracePeriodSeconds = options.gracePeriodSeconds;
  if (options.preconditions) {
    request.preconditions.uid = options.preconditions->uid.value_or("");
    request.preconditions.resourceVersion = options.preconditions->resourceVersion.value_or("");
  }
  request.propagationPolicy = policy;
  if (options.orphanDependents) {
    request.propagationPolicy = *options.orphanDependents ? "Orphan" : "Background";
    if (cascades) *cascades = !*options.orphanDependents;
  }
  request.dryRun = !options.dryRun.empty();
  return request;
}

Result<ListRequest> parseListOptions(const Query& query, std::string_view ns,
                                     const Resource& resource) {
  TRY(auto request, parseSelection(query, ns));
  FieldErrors errors;
  checkMatch(request, false, false, errors);
  if (query.has("sendInitialEvents")) {
    errors.forbidden(FieldPath("sendInitialEvents"), "sendInitialEvents is forbidden for list");
  }
  TRY_STATUS(optionsStatus(errors, "ListOptions"));
  TRY_STATUS(checkFields(resource, request.fields));
  return request;
}

Result<WatchParameters> parseWatchOptions(const Query& query, std::string_view ns,
                                          std::string_view name, const Resource& resource) {
  WatchParameters out;
  TRY(out.selection, parseSelection(query, ns));
  out.initialEvents = query.option("sendInitialEvents");
  out.fromNow = query.has("sendInitialEvents") && !out.initialEvents;
  out.bookmarks = query.option("allowWatchBookmarks");
  if (auto seconds = query.get("timeoutSeconds"); !seconds.empty()) {
    TRY(out.timeoutSeconds, parseInt(seconds));
    out.timeoutSeconds = std::min(out.timeoutSeconds, kTimeoutMax);
  }
  FieldErrors errors;
  checkMatch(out.selection, true, query.has("sendInitialEvents"), errors);
  TRY_STATUS(optionsStatus(errors, "ListOptions"));
  auto& fields = out.selection.fields;
  TRY_STATUS(checkFields(resource, fields));
  if (name.empty()) return out;
  if (fields.isEverything()) {
    fields.add({"metadata.name", true, std::string(name)});
  } else if (const auto* other = fields.requiredValue("metadata.name"); !other || *other != name) {
    return badRequest("fieldSelector metadata.name doesn't match requested name");
  }
  return out;
}

}  // namespace coxswain::apiserver
