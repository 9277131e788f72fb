#include <cstddef>
#include <cstdint>
#include <string_view>

#include "metrics_api/exposition.h"
#include "metrics_api/prometheus_answer.h"

// Whatever Prometheus or a kubelet sends: no crash, and samples have times that exist.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace coxswain::metrics_api;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parseQueryAnswer(text);
  (void)parseSeriesAnswer(text);
  (void)parseResourceMetrics(text, coxswain::WallTime());
  return 0;
}
