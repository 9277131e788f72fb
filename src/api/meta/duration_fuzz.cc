#include <cstdlib>
#include <string_view>

#include "api/meta/base64.h"
#include "api/meta/time.h"

using namespace coxswain::api;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto d = GoDuration::parse(text); d.ok()) {
    const auto again = GoDuration::parse(d->str());
    if (!again.ok() || *again != *d) std::abort();
  }
  if (const auto t = MicroTime::parse(text); t.ok() && !t->isZero()) {
    const auto again = MicroTime::parse(t->str());
    if (again.ok() && *again != *t && t->unix() > -62167219200 && t->unix() < 253402300800)
      std::abort();
  }
  if (base64Decode(base64Encode(text)) != text) std::abort();
  (void)base64Decode(text);
  (void)base64UrlDecode(text);
  return 0;
}
