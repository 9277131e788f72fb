// Messages, sizes and statuses from a peer: decoded or refused; what was decoded reads back the
// same.
#include <cstdint>
#include <cstdlib>

#include "streaming/channel.h"
#include "streaming/outcome.h"
#include "streaming/resize.h"

using namespace coxswain::streaming;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"v5.channel.k8s.io", "v4.base64.channel.k8s.io", ""}) {
    auto protocol = ChannelProtocol::of(name);
    auto message = decodeChannelMessage(protocol, text);
    if (!message.ok()) continue;
    auto channel = static_cast<Channel>(message->channel);
    auto again =
        decodeChannelMessage(protocol, encodeChannelMessage(protocol, channel, message->data));
    if (!again.ok() || again->channel != message->channel || again->data != message->data)
      std::abort();
  }
  ResizeDecoder whole;
  bool wholeOk = whole.feed(text);
  ResizeDecoder pieces;
  bool piecesOk = true;
  for (char c : text) piecesOk = pieces.feed(std::string_view(&c, 1));
  if (!text.empty() && wholeOk != piecesOk) std::abort();
  if (wholeOk && whole.next() != pieces.next()) std::abort();
  auto outcome = decodeOutcome(text);
  if (outcome.ok()) {
    auto again = decodeOutcome(encodeOutcome(*outcome));
    if (!again.ok() || again->exitCode != outcome->exitCode ||
        again->status.message() != outcome->status.message())
      std::abort();
  }
  return 0;
}
