#pragma once

#include <cstddef>
#include <cstdint>

/// The packed table that tools/schema_gen/describe.py makes of the text files here.
namespace coxswain::api::generated {

extern const size_t kDescriptionsTextSize;  ///< of the unpacked lines
extern const uint32_t kDescriptionsChecksum;
extern const size_t kDescriptionsSize;
extern const unsigned char kDescriptions[];

}  // namespace coxswain::api::generated
