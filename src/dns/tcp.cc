#include "dns/tcp.h"

namespace coxswain::dns {
namespace {

Task<Status> readAll(net::Stream& stream, std::span<char> into, bool atStart,
                     std::stop_token stop) {
  size_t at = 0;
  while (at < into.size()) {
    CO_TRY(auto count, co_await stream.read(into.subspan(at), stop));
    if (count == 0 && atStart && at == 0) co_return endOfStream();
    if (count == 0) co_return unreachable("the peer ended in the middle of a message");
    at += count;
  }
  co_return Status();
}

}  // namespace

Task<Result<std::string>> readMessage(net::Stream& stream, std::stop_token stop) {
  char length[2];
  CO_TRY_STATUS(co_await readAll(stream, length, true, stop));
  const auto size =
      static_cast<size_t>(static_cast<uint8_t>(length[0])) << 8 | static_cast<uint8_t>(length[1]);
  std::string message(size, '\0');
  CO_TRY_STATUS(co_await readAll(stream, message, false, stop));
  co_return std::move(message);
}

Task<Status> writeMessage(net::Stream& stream, std::string message, std::stop_token stop) {
  if (message.size() > 65535) co_return badRequest("a DNS message has 65535 bytes at most");
  std::string framed;
  framed += static_cast<char>(message.size() >> 8);
  framed += static_cast<char>(message.size() & 0xff);
  framed += message;
  co_return co_await stream.write(framed, stop);
}

}  // namespace coxswain::dns
