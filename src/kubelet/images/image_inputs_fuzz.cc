// Image names and pull secrets come from users: any bytes.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "kubelet/images/keyring.h"
#include "kubelet/images/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto reference = coxswain::kubelet::parseImageReference(text); reference.ok()) {
    // What was accepted is accepted again in its full form.
    COXSWAIN_ASSERT(coxswain::kubelet::parseImageReference(reference->repository()).ok());
    COXSWAIN_ASSERT(coxswain::kubelet::withDefaultTag(text).ok());
  }
  for (const bool config : {true, false}) {
    const auto entries = coxswain::kubelet::parseDockerConfig(text, config);
    if (!entries.ok()) continue;
    coxswain::kubelet::Keyring keyring;
    for (const auto& [location, credential] : *entries) keyring.add(location, credential);
    (void)keyring.lookup("docker.io/library/nginx");
    (void)keyring.lookup(std::string(text.substr(0, 64)));
  }
  return 0;
}
