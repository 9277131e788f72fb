#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "apiserver/aggregator/remote_documents.h"

/// What an aggregated server answers, whoever it is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coxswain::apiserver;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto resources = resourcesOf(text, "g.example", "v1");
  if (resources.ok()) {
    for (const auto& each : *resources) {
      if (each.group != "g.example" || each.plural.empty()) std::abort();
    }
  }
  const auto url = openApiUrlOf(text, "apis/g.example/v1");
  if (!url.empty() && !url.starts_with("/openapi/v3/apis/g.example/v1")) std::abort();
  return 0;
}
