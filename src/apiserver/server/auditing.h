#pragma once

#include <string_view>

#include "api/reflect/object.h"
#include "apiserver/audit/auditor.h"
#include "apiserver/server/exchange.h"
#include "base/status.h"
#include "base/time.h"

namespace coxswain::apiserver {

// What audit is told of a request on its way. Nothing of this is called where nobody audits, and
// of requests that the policy leaves out only the first.

/// The request has come.
void expectAudit(audit::Auditor& auditor, Exchange& exchange);
/// User and request are known, impersonation is not yet looked at. Decides whether exchange.audit
/// is made.
void beginAudit(Exchange& exchange, WallTime now);
/// What a body was decoded to: its name and version complete the reference.
void auditRequestObject(Exchange& exchange, const api::Object& object);
/// What is answered, as JSON.
void auditResponse(Exchange& exchange, std::string_view json);
/// A stream begins.
void auditStarted(Exchange& exchange, int code);
/// The answer was sent with `code` (0: none); `status` is why it is a failure.
void endAudit(Exchange& exchange, const Status& status, int code, WallTime now);
/// The end of a stream, whose exchange is gone.
void endAudit(AuditTrail& trail, const Status& status, int code, WallTime now);
/// A request of nobody knows whom.
void auditUnauthenticated(Exchange& exchange, const Status& status, WallTime now);

}  // namespace coxswain::apiserver
