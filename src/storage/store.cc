#include "storage/store.h"

#include <fmt/format.h>

namespace coxswain::storage {

Status compactedStatus(std::string_view what) {
  return expired(fmt::format("The resourceVersion for the provided {} is too old.", what));
}

Status futureRevisionStatus(Revision wanted, Revision current) {
  StatusDetails details;
  details.retryAfterSeconds = 1;
  details.causes.push_back({"ResourceVersionTooLarge", "Too large resource version", ""});
  return Status(Reason::Timeout, 504,
                fmt::format("Too large resource version: {}, current: {}", wanted, current))
      .withDetails(std::move(details));
}

}  // namespace coxswain::storage
