#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/audit/policy.h"

using namespace coxswain::apiserver::audit;

// A policy that can be read can be asked about any request.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto policy = Policy::parse(text);
  if (!policy.ok()) return 0;
  const std::vector<std::string> groups = {"system:authenticated", std::string(text.substr(0, 9))};
  Subject subject;
  subject.user = text;
  subject.groups = groups;
  subject.verb = "get";
  subject.path = text;
  (void)policy->decide(subject);
  subject.isResource = true;
  subject.resource = text.substr(0, size / 2);
  subject.subresource = "status";
  subject.name = "x";
  (void)policy->decide(subject);
  return 0;
}
