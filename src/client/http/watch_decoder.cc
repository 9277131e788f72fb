#include "client/http/watch_decoder.h"

#include "api/codec/json_text.h"
#include "api/codec/wire.h"

namespace coxswain::client {

namespace {
constexpr size_t kFrameMax = 128 << 20;
constexpr size_t kDropAt = 64 << 10;

Status broken(std::string_view why) {
  return badRequest("unable to decode an event from the watch stream: " + std::string(why));
}

Result<RawWatchEvent> openProtobufEvent(std::string_view frame) {
  RawWatchEvent event;
  api::WireReader reader(frame);
  while (!reader.atEnd()) {
    uint32_t number = 0;
    uint32_t wireType = 0;
    std::string_view bytes;
    if (!reader.tag(number, wireType)) return broken("broken frame");
    if (number == 1 && wireType == 2) {
      if (!reader.bytes(bytes)) return broken("broken frame");
      event.type = bytes;
    } else if (number == 2 && wireType == 2) {
      if (!reader.bytes(bytes)) return broken("broken frame");
      api::WireReader extension(bytes);  // RawExtension{raw = 1}
      while (!extension.atEnd()) {
        std::string_view raw;
        if (!extension.tag(number, wireType)) return broken("broken frame");
        if (number == 1 && wireType == 2) {
          if (!extension.bytes(raw)) return broken("broken frame");
          event.object = raw;
        } else if (!extension.skip(wireType)) {
          return broken("broken frame");
        }
      }
    } else if (!reader.skip(wireType)) {
      return broken("broken frame");
    }
  }
  return event;
}

Result<RawWatchEvent> openJsonEvent(std::string_view text) {
  RawWatchEvent event;
  api::JsonTextReader reader(text);
  if (reader.peek() != api::JsonType::Object) return broken("no JSON object");
  reader.beginObject();
  std::string_view key;
  while (reader.nextKey(key)) {
    if (key == "type" && reader.peek() == api::JsonType::String) {
      std::string_view type;
      if (reader.string(type)) event.type = type;
    } else if (key == "object") {
      std::string_view raw;
      if (reader.raw(raw)) event.object = raw;
    } else {
      reader.skip();
    }
  }
  reader.finish();
  if (reader.failed()) return broken(reader.status().message());
  return event;
}

}  // namespace

Result<std::optional<RawWatchEvent>> WatchDecoder::next() {
  return protobuf_ ? nextProtobuf() : nextJson();
}

void WatchDecoder::drop() {
  if (at_ == buffer_.size()) {
    buffer_.clear();
    at_ = scan_ = 0;
  } else if (at_ >= kDropAt) {
    buffer_.erase(0, at_);
    scan_ -= at_;
    at_ = 0;
  }
}

Result<std::optional<RawWatchEvent>> WatchDecoder::nextProtobuf() {
  if (buffer_.size() - at_ < 4) return std::optional<RawWatchEvent>();
  size_t size = 0;
  for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<uint8_t>(buffer_[at_ + i]);
  if (size > kFrameMax) return broken("frame too large");
  if (buffer_.size() - at_ - 4 < size) return std::optional<RawWatchEvent>();
  TRY(auto event, openProtobufEvent(std::string_view(buffer_).substr(at_ + 4, size)));
  at_ += 4 + size;
  scan_ = at_;
  drop();
  return std::optional(std::move(event));
}

Result<std::optional<RawWatchEvent>> WatchDecoder::nextJson() {
  if (depth_ == 0 && !inString_) {
    while (at_ < buffer_.size() && (buffer_[at_] == '\n' || buffer_[at_] == ' ' ||
                                    buffer_[at_] == '\r' || buffer_[at_] == '\t')) {
      ++at_;
    }
    scan_ = std::max(scan_, at_);
    if (at_ < buffer_.size() && buffer_[at_] != '{') return broken("no JSON object");
  }
  for (; scan_ < buffer_.size(); ++scan_) {
    const char c = buffer_[scan_];
    if (inString_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        inString_ = false;
      }
    } else if (c == '"') {
      inString_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      ++scan_;
      TRY(auto event, openJsonEvent(std::string_view(buffer_).substr(at_, scan_ - at_)));
      at_ = scan_;
      drop();
      return std::optional(std::move(event));
    }
  }
  if (buffer_.size() - at_ > kFrameMax) return broken("event too large");
  drop();
  return std::optional<RawWatchEvent>();
}

}  // namespace coxswain::client
