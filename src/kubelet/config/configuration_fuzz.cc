#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/gen/core_v1.h"
#include "kubelet/config/configuration.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  coxswain::kubelet::KubeletConfiguration configuration;
  coxswain::Status read = coxswain::kubelet::readConfiguration(text, configuration);
  if (read.ok()) coxswain::kubelet::configurationJson(configuration.kubelet);
  auto taints = coxswain::kubelet::parseTaints(text);
  auto list = coxswain::kubelet::parseResourceList(text);
  return 0;
}
