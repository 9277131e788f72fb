#include "apiserver/audit/auditing.h"

#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/log.h"

namespace coxswain::apiserver::audit {
namespace {

const Logger kLog("apiserver/audit");

Result<std::string> readAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return errnoStatus("open " + path, errno);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) return errnoStatus("read " + path, EIO);
  return text;
}

}  // namespace

Result<Auditing> openAuditing(const AuditOptions& options) {
  Auditing out;
  if (options.policyFile.empty()) {
    if (!options.log.path.empty()) {
      kLog.warn("no audit policy: nothing is written to the audit log",
                {{"log", options.log.path}});
    }
    return out;
  }
  const auto context = "--audit-policy-file " + options.policyFile;
  auto text = readAll(options.policyFile);
  if (!text.ok()) return text.status().withContext(context);
  auto policy = Policy::parse(*text);
  if (!policy.ok()) return policy.status().withContext(context);
  if (options.log.path.empty()) {
    kLog.warn("no audit log: the audit policy has no effect", {{"policy", options.policyFile}});
    return out;
  }
  auto log = LogFile::open(options.log);
  if (!log.ok()) return log.status().withContext("--audit-log-path");
  out.log = std::move(*log);
  out.auditor = std::make_unique<Auditor>(
      std::move(*policy),
      [file = out.log.get()](std::string line) { return file->write(std::move(line)); });
  return out;
}

}  // namespace coxswain::apiserver::audit
