// Redirects come from containers: any bytes. What comes out is fit for a request line.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "kubelet/prober/url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  coxswain::kubelet::WebAddress from;
  from.host = "10.0.0.1";
  from.target = "/a/b?c";
  const auto check = [](std::string_view target) {
    COXSWAIN_ASSERT(target.starts_with('/'));
    for (const char c : target) COXSWAIN_ASSERT(static_cast<unsigned char>(c) > 0x20 && c < 0x7f);
  };
  if (const auto to = coxswain::kubelet::resolveLocation(from, text)) {
    check(to->target);
    COXSWAIN_ASSERT(!to->host.empty() && to->port != 0);
    for (const char c : to->host) COXSWAIN_ASSERT(static_cast<unsigned char>(c) > 0x20);
  }
  check(coxswain::kubelet::encodeTarget(text));
  return 0;
}
