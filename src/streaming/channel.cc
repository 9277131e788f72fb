#include "streaming/channel.h"

#include "api/meta/base64.h"

namespace coxswain::streaming {

ChannelProtocol ChannelProtocol::of(std::string_view name) {
  ChannelProtocol out;
  if (name.size() > 2 && name[0] == 'v' && name[1] >= '1' && name[1] <= '9' && name[2] == '.')
    out.version = name[1] - '0';
  out.base64 = name.find("base64.") != std::string_view::npos;
  return out;
}

Result<ChannelMessage> decodeChannelMessage(ChannelProtocol protocol, std::string_view message) {
  if (message.empty()) return badRequest("websocket message without a channel");
  ChannelMessage out;
  auto data = message.substr(1);
  if (!protocol.base64) {
    out.channel = static_cast<uint8_t>(message[0]);
    out.data = std::string(data);
    return out;
  }
  if (message[0] < '0' || message[0] > '9') return badRequest("websocket message: bad channel");
  out.channel = static_cast<uint8_t>(message[0] - '0');
  auto decoded = api::base64Decode(data);
  if (!decoded) return badRequest("websocket message: bad base64");
  out.data = std::move(*decoded);
  return out;
}

std::string encodeChannelMessage(ChannelProtocol protocol, Channel channel, std::string_view data) {
  std::string out;
  if (protocol.base64) {
    out += static_cast<char>('0' + static_cast<uint8_t>(channel));
    out += api::base64Encode(data);
  } else {
    out.reserve(data.size() + 1);
    out += static_cast<char>(channel);
    out += data;
  }
  return out;
}

}  // namespace coxswain::streaming
