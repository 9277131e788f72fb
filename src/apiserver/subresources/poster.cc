#include "apiserver/subresources/poster.h"

#include "api/codec/json.h"
#include "api/gen/meta_v1.h"
#include "apiserver/server/auditing.h"
#include "apiserver/server/exchange.h"
#include "apiserver/server/load.h"
#include "apiserver/server/options.h"

namespace coxswain::apiserver {
namespace {

Status checkFields(FieldValidation validation, std::vector<std::string> found,
                   std::vector<std::string>& warnings) {
  if (found.empty() || validation == FieldValidation::Ignore) return {};
  if (validation == FieldValidation::Strict) {
    api::JsonReport report;
    report.strict = std::move(found);
    return badRequest(api::strictStatus(report).message());
  }
  for (auto& text : found) warnings.push_back(std::move(text));
  return {};
}

/// As the first of `kinds` that it can be; the failure is that of the preferred one.
Result<api::Object> decodeAny(const std::vector<BodyKind>& kinds, std::string_view body,
                              MediaType type, std::vector<std::string>* strict) {
  auto first = decodeBody(kinds.front(), body, type, strict);
  for (size_t i = 1; !first.ok() && i < kinds.size(); ++i) {
    strict->clear();
    auto other = decodeBody(kinds[i], body, type, strict);
    if (other.ok()) return other;
  }
  return first;
}

}  // namespace

Task<Status> PostHandler::serve(Exchange& exchange) {
  CO_TRY(auto type, bodyType(exchange.request.headers.get("Content-Type")));
  CO_TRY(auto options, parseWriteOptions(exchange.query, "CreateOptions"));
  CO_TRY(auto body, co_await readBody(exchange));
  exchange.dryRun = options.dryRun;
  exchange.fieldManager = options.fieldManager;
  std::vector<std::string> strict;
  CO_TRY(auto object, decodeAny(poster_->bodies(), body, type, &strict));
  if (exchange.audit) auditRequestObject(exchange, object);
  CO_TRY_STATUS(checkFields(options.fieldValidation, std::move(strict), exchange.warnings));
  CO_TRY(auto answer, co_await poster_->post(exchange, std::move(object)));
  if (exchange.audit && exchange.audit->wantsResponse()) {
    auditResponse(exchange, api::encodeJson(answer));
  }
  CO_TRY(auto text, encodeObject(answer, "", "", exchange.accepted));
  net::Headers headers{{"Content-Type", std::string(contentTypeOf(exchange.accepted.mediaType))},
                       {"Cache-Control", "no-cache, private"}};
  addWarnings(headers, exchange.warnings);
  co_return co_await exchange.response.respond(201, std::move(headers), std::move(text));
}

api::ConstObject successStatus(int code) {
  api::meta::v1::Status status;
  status.status = "Success";
  status.code = code;
  return api::Object(std::move(status));
}

Status matchNames(const RequestContext& context, api::Object& body, std::string_view kind) {
  auto& meta = *api::objectMeta(body);
  const auto& info = context.info;
  if (!info.name.empty() && meta.name != info.name) {
    return badRequest("name in URL does not match name in " + std::string(kind) + " object");
  }
  if (!meta.namespace_.empty() && meta.namespace_ != info.ns) {
    return badRequest(
        "the namespace of the provided object does not match the namespace sent on "
        "the request");
  }
  meta.namespace_ = info.ns;
  return {};
}

}  // namespace coxswain::apiserver
