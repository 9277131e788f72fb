#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "apiserver/authz/webhook_authorizer.h"

/// What a webhook answers, whoever it is; and what it is asked about selectors that clients send.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coxswain::apiserver;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto verdict = parseReviewAnswer(text);
  if (verdict.ok() && verdict->decision == Decision::Ask) std::abort();
  const UserInfo user{"u", "", {"g"}, {}};
  RequestInfo info;
  info.isResource = true;
  info.verb = "list";
  info.resource = "pods";
  const Attributes attributes{user, info, text, text};
  // A question is itself a review, which answers nothing.
  auto echoed = parseReviewAnswer(reviewOf(attributes, "v1"));
  if (echoed.ok() && echoed->decision != Decision::NoOpinion) std::abort();
  return 0;
}
