#include <cstdlib>
#include <string_view>

#include "api/meta/quantity.h"

using coxswain::api::Quantity;

// Any text parses or not; what parses prints a canonical form that parses to the same value.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto q = Quantity::parse({reinterpret_cast<const char*>(data), size});
  if (!q.ok()) return 0;
  const std::string text = q->str();
  const auto again = Quantity::parse(text);
  if (!again.ok() || again->str() != text) std::abort();
  if (*again != *q && q->value() != INT64_MAX && q->value() != -INT64_MAX) std::abort();
  const Quantity sum = *q + *q;
  if ((sum < *q) != (q->sign() < 0 && sum != *q)) std::abort();
  return 0;
}
