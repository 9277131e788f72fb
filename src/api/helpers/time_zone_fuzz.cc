#include <cstdlib>
#include <string_view>

#include "api/helpers/cron.h"
#include "api/helpers/time_zone.h"

using coxswain::api::CronSchedule;
using coxswain::api::TimeZone;

// A zone answers for every moment, and a schedule in it finds moments that lie in order.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto zone = TimeZone::parse(bytes);
  const auto offset = [&zone](int64_t at) { return zone.ok() ? zone->offset(at) : 0; };
  const auto schedule = CronSchedule::parse(zone.ok() ? "30 2 */3 * *" : bytes);
  if (!schedule.ok()) return 0;
  for (const int64_t start : {int64_t{-1'000'000'000}, int64_t{0}, int64_t{1'774'000'000}}) {
    const auto found = schedule->next(start, offset);
    if (found && *found <= start) std::abort();
  }
  return 0;
}
