#include "cmd/duration_flag.h"

#include "api/meta/time.h"

namespace coxswain::cmd {

Result<Duration> timeOf(const char* flag, const std::string& text) {
  auto parsed = api::GoDuration::parse(text);
  if (!parsed.ok()) return parsed.status().withContext(flag);
  if (parsed->nanos < 0) return badRequest(std::string(flag) + ": must not be negative");
  return parsed->duration();
}

Result<Duration> positiveTimeOf(const char* flag, const std::string& text) {
  TRY(auto time, timeOf(flag, text));
  if (time == Duration(0)) return badRequest(std::string(flag) + ": must be greater than zero");
  return time;
}

}  // namespace coxswain::cmd
