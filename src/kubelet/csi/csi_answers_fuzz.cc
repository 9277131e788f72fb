// What plugins answer, and what stands in vol_data.json: any bytes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/codec/protobuf.h"
#include "base/assert.h"
#include "kubelet/csi/driver.h"
#include "kubelet/csi/gen/csi.h"
#include "kubelet/csi/gen/plugin_registration.h"
#include "kubelet/csi/volume_data.h"

using namespace coxswain;                // NOLINT
using namespace coxswain::kubelet::csi;  // NOLINT

namespace {

/// What was understood is written so that it is understood again.
template <typename Message>
void decode(std::string_view bytes) {
  const auto message = api::decodeProtobuf<Message>(bytes);
  if (!message.ok()) return;
  const auto again = api::decodeProtobuf<Message>(api::encodeProtobuf(*message));
  COXSWAIN_ASSERT(again.ok() && *again == *message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  decode<GetPluginInfoResponse>(text);
  decode<NodeGetInfoResponse>(text);
  decode<NodeGetCapabilitiesResponse>(text);
  decode<NodeGetVolumeStatsResponse>(text);
  decode<NodeExpandVolumeResponse>(text);
  decode<NodePublishVolumeRequest>(text);
  decode<registration::PluginInfo>(text);
  if (const auto known = parseVolumeData(text); known.ok()) {
    const auto again = parseVolumeData(volumeDataJson(*known));
    COXSWAIN_ASSERT(again.ok() && again->volumeHandle == known->volumeHandle);
  }
  if (parseVersion(text).ok()) COXSWAIN_ASSERT(highestSupported({std::string(text), "1.0.0"}).ok());
  (void)checkDriverName(text);
  return 0;
}
