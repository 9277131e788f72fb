#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "streaming/session.h"

namespace coxswain::streaming {

/// {"Width":80,"Height":24} and a line feed, as Go's encoder writes it.
std::string encodeResize(TerminalSize size);

/// Cuts sizes out of a stream of JSON objects.
class ResizeDecoder {
 public:
  /// False: not JSON objects, or an object above 1 KiB; nothing more will be decoded.
  bool feed(std::string_view bytes);
  /// The next size; nullopt: more bytes are needed. Of several that came at once the last counts
  /// (nobody needs the others), so at most one is kept.
  std::optional<TerminalSize> next() { return std::exchange(size_, std::nullopt); }

 private:
  bool object();
  std::string text_;  // of the object that has begun
  int depth_ = 0;
  bool quoted_ = false;
  bool escaped_ = false;
  bool broken_ = false;
  std::optional<TerminalSize> size_;
};

}  // namespace coxswain::streaming
