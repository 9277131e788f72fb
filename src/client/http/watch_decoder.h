#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace coxswain::client {

/// One event of a watch as the wire has it. `object` is an envelope (protobuf) or a JSON text.
struct RawWatchEvent {
  std::string type;  ///< "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"
  std::string object;
};

/// Takes the bytes of a watch's answer as they come and gives its events: JSON texts one behind the
/// other, or protobuf frames with four bytes of length. Frames are at most 128 MiB.
class WatchDecoder {
 public:
  explicit WatchDecoder(bool protobuf) : protobuf_(protobuf) {}

  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// The next whole event; nothing while more bytes are needed. BadRequest: this is no watch; then
  /// nothing more may be asked.
  Result<std::optional<RawWatchEvent>> next();
  /// Bytes of an event that has not ended.
  [[nodiscard]] bool inMiddle() const { return buffer_.size() > at_; }

 private:
  Result<std::optional<RawWatchEvent>> nextProtobuf();
  Result<std::optional<RawWatchEvent>> nextJson();
  void drop();

  bool protobuf_;
  std::string buffer_;
  size_t at_ = 0;    // of the first byte not taken
  size_t scan_ = 0;  // JSON: looked at up to here
  int depth_ = 0;
  bool inString_ = false;
  bool escaped_ = false;
};

}  // namespace coxswain::client
