#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "net/stream.h"

namespace coxswain::dns {

/// A message over TCP: two bytes of length before it. EndOfStream: the peer has ended in order.
Task<Result<std::string>> readMessage(net::Stream& stream, std::stop_token stop);
Task<Status> writeMessage(net::Stream& stream, std::string message, std::stop_token stop);

}  // namespace coxswain::dns
