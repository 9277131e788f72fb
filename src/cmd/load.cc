#include "cmd/load.h"

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cmd/duration_flag.h"

namespace coxswain::cmd {
void addLoadFlags(CLI::App& app, LoadOptions& options) {
  app.add_flag("--enable-priority-and-fairness", options.flow.fair,
               "share the requests at a time fairly among users, by flow schemas and priority "
               "levels; false: plain limits of reads and writes")
      ->capture_default_str();
  app.add_option("--max-requests-inflight", options.flow.readsMax,
                 "reads at a time (0: no limit); with fairness, together with writes the seats of "
                 "all levels")
      ->capture_default_str();
  app.add_option("--max-mutating-requests-inflight", options.flow.writesMax,
                 "writes at a time (0: no limit)")
      ->capture_default_str();
  app.add_option("--request-timeout", options.requestTimeout,
                 "how long a request's body may take to arrive")
      ->capture_default_str();
  app.add_option("--shutdown-delay-duration", options.shutdownDelay,
                 "how long requests are still served after a signal to stop, while /readyz fails "
                 "already, so that balancers look elsewhere")
      ->capture_default_str();
  app.add_option("--audit-policy-file", options.audit.policyFile,
                 "audit.k8s.io/v1 Policy: which requests are written to the audit log");
  app.add_option("--audit-log-path", options.audit.log.path,
                 "file that audit events go to, one a line; -: standard output");
  app.add_option("--audit-log-format", options.auditFormat, "of those lines: json")
      ->capture_default_str();
  app.add_option("--audit-log-maxsize", options.audit.log.sizeMaxMib,
                 "MiB of one audit log file; 0: 100");
  app.add_option("--audit-log-maxbackup", options.audit.log.backupsMax,
                 "full audit log files that are kept; 0: all");
  app.add_option("--audit-log-maxage", options.audit.log.ageMaxDays,
                 "days for which full audit log files are kept; 0: for ever");
}

Status checkLoad(const LoadOptions& options) {
  const auto& flow = options.flow;
  if (flow.readsMax < 0) {
    return badRequest("--max-requests-inflight can not be negative value");
  }
  if (flow.writesMax < 0) {
    return badRequest("--max-mutating-requests-inflight can not be negative value");
  }
  if (flow.fair && flow.seats() == 0) {
    return badRequest(
        "with --enable-priority-and-fairness one of --max-requests-inflight and "
        "--max-mutating-requests-inflight must be above 0");
  }
  TRY_STATUS(positiveTimeOf("--request-timeout", options.requestTimeout).status());
  TRY_STATUS(timeOf("--shutdown-delay-duration", options.shutdownDelay).status());
  if (options.auditFormat != "json") {
    return badRequest("--audit-log-format \"" + options.auditFormat + "\": only json is known");
  }
  const auto& log = options.audit.log;
  if (log.sizeMaxMib < 0) return badRequest("--audit-log-maxsize can't be a negative number");
  if (log.backupsMax < 0) return badRequest("--audit-log-maxbackup can't be a negative number");
  if (log.ageMaxDays < 0) return badRequest("--audit-log-maxage can't be a negative number");
  return {};
}

void raiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

size_t connectionsMax() {
  constexpr size_t kWanted = 10'000;
  constexpr size_t kLeast = 64;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kWanted;
  // A quarter is for others.
  return std::clamp<size_t>(limit.rlim_cur / 4 * 3, kLeast, kWanted);
}

Duration requestTimeoutOf(const LoadOptions& options) {
  auto parsed = timeOf("--request-timeout", options.requestTimeout);
  return parsed.ok() ? *parsed : Duration(1min);
}

Duration shutdownDelayOf(const LoadOptions& options) {
  auto parsed = timeOf("--shutdown-delay-duration", options.shutdownDelay);
  return parsed.ok() ? *parsed : Duration(0);
}

}  // namespace coxswain::cmd
