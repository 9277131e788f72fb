// Manifests are any bytes.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "base/assert.h"
#include "kubelet/static_pods/file_source.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto pod = coxswain::kubelet::readStaticPod(text, "/m/x", "n1", {});
  if (!pod.ok()) return 0;
  COXSWAIN_ASSERT(!pod->metadata.uid.empty() && !pod->metadata.name.empty());
  COXSWAIN_ASSERT(!pod->spec.containers.empty());
  return 0;
}
