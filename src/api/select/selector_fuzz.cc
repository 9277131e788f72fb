#include <cstdlib>

#include "api/select/fields.h"
#include "api/select/labels.h"

using namespace coxswain::api;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto s = LabelSelector::parse(text); s.ok()) {
    const auto again = LabelSelector::parse(s->str());
    if (!again.ok() || again->str() != s->str()) std::abort();
    (void)s->matches(Labels{{"a", "1"}});
  }
  if (const auto s = FieldSelector::parse(text); s.ok()) {
    const auto again = FieldSelector::parse(s->str());
    if (!again.ok()) std::abort();
    (void)s->matches(FieldSet{{"a", "1"}});
  }
  return 0;
}
