#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

/// One message of a WebSocket session: a channel number and bytes. Upstream:
/// apimachinery/pkg/util/httpstream/wsstream, pkg/util/remotecommand.
namespace coxswain::streaming {

enum class Channel : uint8_t {
  Stdin = 0,
  Stdout = 1,
  Stderr = 2,
  Error = 3,
  Resize = 4,
  Close = 255,  ///< v5: the payload's one byte is the channel that ends
};

/// A dialect: "v5.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io", "", ...
struct ChannelProtocol {
  int version = 1;
  bool base64 = false;  ///< text messages: a digit, then base64
  [[nodiscard]] bool canClose() const { return version >= 5; }
  static ChannelProtocol of(std::string_view name);
};

struct ChannelMessage {
  uint8_t channel = 0;
  std::string data;
};

/// BadRequest: empty, or not base64 where it must be. Messages of unknown channels decode.
Result<ChannelMessage> decodeChannelMessage(ChannelProtocol protocol, std::string_view message);
std::string encodeChannelMessage(ChannelProtocol protocol, Channel channel, std::string_view data);

}  // namespace coxswain::streaming
