#include "client/http/watch_decoder.h"

// First byte: the format and the size of the pieces that arrive.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  coxswain::client::WatchDecoder decoder((data[0] & 1) != 0);
  const size_t step = 1 + (data[0] >> 1);
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  while (!bytes.empty()) {
    decoder.feed(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    while (true) {
      auto event = decoder.next();
      if (!event.ok()) return 0;
      if (!*event) break;
    }
  }
  return 0;
}
