#include "apiserver/server/patching.h"

#include <algorithm>

#include <boost/json.hpp>

#include "api/codec/json.h"
#include "api/codec/value.h"
#include "api/names/quote.h"
#include "api/patch/go_format.h"
#include "api/patch/json_patch.h"
#include "api/patch/strategic.h"
#include "apiserver/discovery/served_resource.h"
#include "apiserver/server/patch_report.h"

namespace coxswain::apiserver {
namespace {

/// Of the stack, for the document of one patch; what is larger goes to the heap.
constexpr size_t kBufferBytes = 16 * 1024;

std::string_view jsonKindOf(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::array:
      return "array";
    case boost::json::kind::string:
      return "string";
    case boost::json::kind::bool_:
      return "bool";
    case boost::json::kind::object:
      return "object";
    default:
      return "number";
  }
}

/// A JSON patch is a list of operations.
Status checkOperations(const boost::json::value& patch) {
  auto refused = [](const boost::json::value& value, std::string_view type) {
    return badRequest("error decoding patch: json: cannot unmarshal " +
                      std::string(jsonKindOf(value)) + " into Go value of type " +
                      std::string(type));
  };
  const auto* operations = patch.if_array();
  if (!operations) {
    return patch.is_null() ? Status() : refused(patch, "[]handlers.jsonPatchOp");
  }
  for (const auto& operation : *operations) {
    if (!operation.is_object() && !operation.is_null()) {
      return refused(operation, "handlers.jsonPatchOp");
    }
  }
  return {};
}

/// ` "" is invalid: patch: Invalid value: "...": why`.
Status invalidPatch(std::string_view text, std::string_view why) {
  StatusCause cause;
  cause.type = "FieldValueInvalid";
  cause.message = "Invalid value: " + api::goQuote(text) + ": " + std::string(why);
  cause.field = "patch";
  return invalid("", "", {std::move(cause)});
}

/// What strict readers find in the operations themselves: `doubled` fields, and unknown ones.
std::vector<std::string> strictOfOperations(const boost::json::value& patch,
                                            std::vector<std::string> doubled) {
  constexpr std::string_view kKnown[] = {"op", "path", "from", "value"};
  constexpr size_t kReportMax = 100;
  auto out = std::move(doubled);
  if (const auto* operations = patch.if_array()) {
    for (size_t i = 0; i < operations->size(); ++i) {
      const auto* operation = (*operations)[i].if_object();
      if (!operation) continue;
      for (const auto& [key, value] : *operation) {
        if (std::find(std::begin(kKnown), std::end(kKnown), key) != std::end(kKnown)) continue;
        if (out.size() == kReportMax) break;
        out.push_back("unknown field \"[" + std::to_string(i) + "]." + std::string(key) + "\"");
      }
    }
  }
  for (auto& each : out) each.insert(0, "json patch ");
  return out;
}

}  // namespace

Status checkIsObject(const boost::json::value& patch, std::string_view context) {
  if (patch.is_object() || patch.is_null()) return {};
  return badRequest(std::string(context) + "json: cannot unmarshal " +
                    std::string(jsonKindOf(patch)) +
                    " into Go value of type map[string]interface {}");
}

std::optional<PatchKind> patchKindOf(std::string_view contentType) {
  auto type = contentType.substr(0, contentType.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (type == "application/json-patch+json") return PatchKind::Json;
  if (type == "application/merge-patch+json") return PatchKind::Merge;
  if (type == "application/strategic-merge-patch+json") return PatchKind::StrategicMerge;
  if (type == "application/apply-patch+yaml") return PatchKind::Apply;
  return std::nullopt;
}

Status applyFieldValidation(FieldValidation mode, std::string_view kind, std::string_view version,
                            std::vector<std::string> found, std::vector<std::string>& warnings) {
  if (found.empty() || mode == FieldValidation::Ignore) return {};
  if (mode == FieldValidation::Warn) {
    for (auto& text : found) {
      if (!text.starts_with(kYamlFailure)) {
        warnings.push_back(std::move(text));
        continue;
      }
      for (size_t at = text.find('\n'); at != std::string::npos;) {
        const size_t end = text.find('\n', at + 1);
        warnings.push_back(text.substr(at + 3, end == std::string::npos ? end : end - at - 3));
        at = end;
      }
    }
    return {};
  }
  api::JsonReport report;
  report.strict = std::move(found);
  return badRequest(std::string(kind) + " in version \"" + std::string(version) +
                    "\" cannot be handled as a " + std::string(kind) + ": " +
                    api::strictStatus(report).message());
}

Result<api::Object> Patch::apply(const BodyKind& kind, const api::Object& current,
                                 std::vector<std::string>& warnings) const {
  const bool strategic = kind_ == PatchKind::StrategicMerge;
  api::JsonReport patchReport;
  auto parsed = api::parseJsonValue(body_, &patchReport);
  if (!parsed.ok()) {
    return badRequest((strategic ? "" : "error decoding patch: ") + parsed.status().message());
  }
  const auto apiVersion = groupVersionText(kind.group, kind.version);
  api::JsonEncodeOptions encode;
  encode.apiVersion = apiVersion;
  encode.kind = kind.kind;
  unsigned char buffer[kBufferBytes];
  boost::json::monotonic_resource memory(buffer, sizeof buffer);
  auto document = api::encodeValue(*kind.info, current.data(), encode, &memory);
  boost::json::value patched(&memory);
  if (kind_ == PatchKind::Json) {
    TRY_STATUS(checkOperations(*parsed));
    if (parsed->is_null()) *parsed = boost::json::array();
    auto applied = api::applyJsonPatch(std::move(document), *parsed);
    if (!applied.ok()) {
      return applied.status().code() == 422 ? api::refusedPatch() : applied.status();
    }
    patched = std::move(*applied);
  } else if (kind_ == PatchKind::Merge) {
    TRY_STATUS(checkIsObject(*parsed, "error decoding patch: "));
    patched = parsed->is_null() ? std::move(document)
                                : api::applyMergePatch(std::move(document), *parsed);
  } else {
    TRY_STATUS(checkIsObject(*parsed, ""));
    patched = std::move(document);
    if (!parsed->is_null()) {
      TRY(patched, api::applyStrategicMergePatch(std::move(patched), *parsed, *kind.info));
    }
  }
  auto arrange = [&] {
    sortTouched(patched, api::encodeValue(*kind.info, current.data(), encode));
    if (kind_ == PatchKind::Json) sortVisited(patched, *parsed);
  };
  api::Object next(*kind.info);
  api::JsonReport report;
  auto decoded = api::decodeValue(*kind.info, patched, next.data(), &report);
  if (!decoded.ok() || !report.strict.empty()) {
    // Somebody will read of it: once more, in the order in which upstream looks.
    if (strategic) {
      unknownFirst(*kind.info, patched);
      auto why = decoded.ok() ? std::string() : restoreFailure(*kind.info, patched);
      if (!why.empty()) return invalidPatch(api::goFormat(*parsed), why);
    } else {
      arrange();
    }
    report = {};
    next = api::Object(*kind.info);
    decoded = api::decodeValue(*kind.info, patched, next.data(), &report);
  }
  auto shown = [&] {
    if (strategic) return api::goFormat(*parsed);
    arrange();
    return textInOrder(patched);
  };
  if (!decoded.ok()) return invalidPatch(shown(), decoded.message());
  const auto givenKind = report.kind.empty() ? std::string(kind.kind) : report.kind;
  const auto givenVersion = report.apiVersion.empty() ? apiVersion : report.apiVersion;
  // A strategic merge patch is made on the struct, where both mean nothing.
  if (!strategic && (givenKind != kind.kind || givenVersion != apiVersion)) {
    return invalidPatch(shown(), otherKindFailure(kind, givenVersion, givenKind));
  }
  auto found = std::move(patchReport.strict);
  if (kind_ == PatchKind::Json && validation_ != FieldValidation::Ignore) {
    found = strictOfOperations(*parsed, std::move(found));
  }
  found.insert(found.end(), report.strict.begin(), report.strict.end());
  if (validation_ == FieldValidation::Strict && !found.empty()) {
    report.strict = std::move(found);
    return invalidPatch(shown(), api::strictStatus(report).message());
  }
  if (validation_ == FieldValidation::Warn) {
    warnings.insert(warnings.end(), found.begin(), found.end());
  }
  return next;
}

}  // namespace coxswain::apiserver
