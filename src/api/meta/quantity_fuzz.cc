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
  if (!again.ok()) std::abort();
  // Past 2^63-1 a short mantissa is exact and its longer printed form is capped, as upstream.
  const bool large = q->value() == INT64_MAX || q->value() <= -INT64_MAX;
  if (!large && (again->str() != text || *again != *q)) std::abort();
  const Quantity sum = *q + *q;
  if ((sum < *q) != (q->sign() < 0 && sum != *q)) std::abort();
  return 0;
}
