#pragma once

#include <memory>
#include <string>

#include "apiserver/audit/auditor.h"
#include "apiserver/audit/log_file.h"
#include "base/result.h"

namespace coxswain::apiserver::audit {

/// What the flags of audit say.
struct AuditOptions {
  std::string policyFile;  ///< empty: nothing is audited
  LogFileOptions log;      ///< path empty: nothing is audited
};

/// An auditor and where its lines go. Both null: nothing is audited.
struct Auditing {
  std::unique_ptr<LogFile> log;
  std::unique_ptr<Auditor> auditor;  ///< uses `log`
};

/// Reads the policy and opens the log. BadRequest with the file and the field that is wrong; what
/// the system says.
Result<Auditing> openAuditing(const AuditOptions& options);

}  // namespace coxswain::apiserver::audit
