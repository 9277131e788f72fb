#include "apiserver/server/auditing.h"

#include "api/codec/json.h"
#include "api/gen/authentication_v1.h"
#include "api/gen/meta_v1.h"
#include "api/yaml/yaml.h"
#include "apiserver/authz/authorizer.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/operations.h"

namespace coxswain::apiserver {
namespace {

constexpr std::string_view kProtobufMagic("k8s\0", 4);

api::authentication::v1::UserInfo userOf(const UserInfo& user) {
  api::authentication::v1::UserInfo out;
  out.username = user.name;
  out.uid = user.uid;
  out.groups = user.groups;
  for (const auto& [key, values] : user.extra) out.extra[key] = values;
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Whoever proxies tell of, then who is connected.
std::vector<std::string> sourcesOf(const net::Request& request) {
  std::vector<std::string> out;
  std::string_view hops = request.headers.get("X-Forwarded-For");
  while (!hops.empty()) {
    const auto comma = hops.find(',');
    const auto hop = trimmed(hops.substr(0, comma));
    if (!hop.empty()) out.emplace_back(hop);
    if (comma == std::string_view::npos) break;
    hops.remove_prefix(comma + 1);
  }
  const auto real = trimmed(request.headers.get("X-Real-Ip"));
  if (!real.empty() && (out.empty() || out.front() != real)) out.emplace_back(real);
  std::string_view peer = request.peerAddress;
  peer = peer.substr(0, peer.rfind(':'));
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  if (!peer.empty() && (out.empty() || out.back() != peer)) out.emplace_back(peer);
  return out;
}

audit::Subject subjectOf(const Exchange& exchange) {
  const auto& info = exchange.info;
  audit::Subject subject;
  subject.user = exchange.user.name;
  subject.groups = exchange.user.groups;
  subject.verb = info.verb;
  subject.isResource = info.isResource;
  subject.group = info.group;
  subject.resource = info.resource;
  subject.subresource = info.subresource;
  subject.ns = Attributes{exchange.user, info}.ns();
  subject.name = info.name;
  subject.path = info.path;
  return subject;
}

void describe(const Exchange& exchange, WallTime now, api::audit::v1::Event& event) {
  const auto& info = exchange.info;
  const auto& request = exchange.request;
  event.auditID = exchange.auditId;
  event.requestURI = request.path;
  if (!request.query.empty()) event.requestURI += "?" + request.query;
  event.verb = info.verb;
  event.user = userOf(exchange.user);
  event.sourceIPs = sourcesOf(request);
  event.userAgent = request.headers.get("User-Agent");
  event.requestReceivedTimestamp = api::MicroTime(now);
  if (!info.isResource) return;
  auto& object = event.objectRef.emplace();
  object.resource = info.resource;
  object.namespace_ = Attributes{exchange.user, info}.ns();
  object.name = info.name;
  object.apiGroup = info.group;
  object.apiVersion = info.version;
  object.subresource = info.subresource;
}

/// What the client sent, as JSON; empty where it is nothing that can be read.
std::string requestJson(const Exchange& exchange, bool omitManagedFields) {
  const auto& body = exchange.trail->body;
  if (body.empty()) return {};
  if (body.starts_with(kProtobufMagic)) {
    if (!exchange.resource) return {};
    const auto kind = Endpoint::of(*exchange.resource, exchange.info.subresource).body;
    auto object = decodeBody(kind, body, MediaType::Protobuf, nullptr);
    return object.ok() ? audit::loggedJson(api::encodeJson(*object), omitManagedFields) : "";
  }
  auto json = audit::loggedJson(body, omitManagedFields);
  if (!json.empty()) return json;
  auto text = api::yamlToJson(body);
  return text.ok() ? audit::loggedJson(*text, omitManagedFields) : "";
}

api::meta::v1::Status answered(const Status& status, int code) {
  api::meta::v1::Status out;
  if (!status.ok() && status.code() == code) {
    auto decoded = api::decodeJson<api::meta::v1::Status>(encodeStatus(status, MediaType::Json));
    if (decoded.ok()) return std::move(*decoded);
  }
  out.code = code;
  return out;
}

void complete(Exchange& exchange) {
  auto& record = *exchange.audit;
  if (exchange.impersonator) {
    record.event.impersonatedUser.emplace(userOf(exchange.user));
    if (!exchange.impersonationConstraint.empty()) {
      record.event.authenticationMetadata.emplace().impersonationConstraint =
          exchange.impersonationConstraint;
    }
  }
  record.annotations = exchange.trail->notes;
  if (record.wantsRequest() && record.requestObject.empty()) {
    record.requestObject = requestJson(exchange, record.verdict.omitManagedFields);
  }
}

}  // namespace

void expectAudit(audit::Auditor& auditor, Exchange& exchange) {
  exchange.trail.reset(new AuditTrail{auditor});
  exchange.auditAnnotations = &exchange.trail->notes;
}

void beginAudit(Exchange& exchange, WallTime now) {
  auto& auditor = exchange.trail->auditor;
  exchange.trail->record = auditor.begin(subjectOf(exchange));
  exchange.audit = exchange.trail->record.get();
  if (!exchange.audit) {
    exchange.auditAnnotations = nullptr;
    return;
  }
  describe(exchange, now, exchange.audit->event);
  exchange.audit->annotations = exchange.trail->notes;
  auditor.emit(*exchange.audit, audit::Stage::RequestReceived, now);
}

void auditRequestObject(Exchange& exchange, const api::Object& object) {
  auto& reference = exchange.audit->event.objectRef;
  const auto* meta = api::objectMeta(object);
  if (!reference || !meta) return;
  if (reference->namespace_.empty()) reference->namespace_ = meta->namespace_;
  if (reference->name.empty()) reference->name = meta->name;
  if (reference->uid.empty()) reference->uid = meta->uid;
  if (reference->resourceVersion.empty()) reference->resourceVersion = meta->resourceVersion;
}

void auditResponse(Exchange& exchange, std::string_view json) {
  auto& record = *exchange.audit;
  record.responseObject = audit::loggedJson(json, record.verdict.omitManagedFields);
}

void auditStarted(Exchange& exchange, int code) {
  auto& record = *exchange.audit;
  complete(exchange);
  record.event.responseStatus.emplace().code = code;
  exchange.trail->auditor.emit(record, audit::Stage::ResponseStarted, exchange.clock->wallNow());
}

void endAudit(Exchange& exchange, const Status& status, int code, WallTime now) {
  complete(exchange);
  endAudit(*exchange.trail, status, code, now);
}

void endAudit(AuditTrail& trail, const Status& status, int code, WallTime now) {
  auto& record = *trail.record;
  record.event.responseStatus.emplace(answered(status, code));
  if (record.wantsResponse() && record.responseObject.empty() && !status.ok()) {
    record.responseObject = audit::loggedJson(encodeStatus(status, MediaType::Json), false);
  }
  trail.auditor.emit(record, audit::Stage::ResponseComplete, now);
}

void auditUnauthenticated(Exchange& exchange, const Status& status, WallTime now) {
  auto& auditor = exchange.trail->auditor;
  auto query = Query::parse(exchange.request.query);
  if (!query.ok()) return;
  auto info = parseRequestInfo(exchange.request.method, exchange.request.path, *query);
  if (!info.ok()) return;
  exchange.info = std::move(*info);
  auto record = auditor.begin(subjectOf(exchange));
  if (!record) return;
  describe(exchange, now, record->event);
  record->annotations = exchange.trail->notes;
  record->event.responseStatus.emplace(answered(status, status.code()));
  const auto given = exchange.request.headers.get("Authorization");
  record->event.responseStatus->message =
      given.starts_with("Bearer ") ? "Authentication failed, attempted: bearer"
      : given.empty()              ? "Authentication failed, no credentials provided"
                                   : "Authentication failed, attempted: basic";
  auditor.emit(*record, audit::Stage::ResponseStarted, now);
}

}  // namespace coxswain::apiserver
