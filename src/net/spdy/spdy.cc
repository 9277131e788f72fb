#include "net/spdy/spdy.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/text.h"
#include "runtime/spawn.h"

namespace coxswain::net::spdy {
namespace {

enum Type : uint16_t {
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kHeaders = 8,
  kWindowUpdate = 9,
};
constexpr uint8_t kFin = 1;
constexpr uint32_t kCancel = 5;
constexpr size_t kFrameBytesMax = 1 << 20;
constexpr size_t kHeaderBytesMax = 64 * 1024;
constexpr size_t kHeaderFieldsMax = 100;
constexpr size_t kStreamsMax = 1000;
constexpr size_t kUnreadMax = 256 * 1024;  // of one stream; then the connection is not read
constexpr size_t kDataMax = 32 * 1024;

void put32(std::string& out, uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift);
}

uint32_t get32(std::string_view text, size_t at) {
  uint32_t v = 0;
  for (size_t i = 0; i < 4; ++i) v = v << 8 | static_cast<unsigned char>(text[at + i]);
  return v;
}

/// The words of SPDY/3's dictionary (draft-mbelshe-httpbis-spdy-00, 2.6.10.1).
const std::string& dictionary() {
  static const std::string text = [] {
    std::string out;
    for (std::string_view word : {"options",
                                  "head",
                                  "post",
                                  "put",
                                  "delete",
                                  "trace",
                                  "accept",
                                  "accept-charset",
                                  "accept-encoding",
                                  "accept-language",
                                  "accept-ranges",
                                  "age",
                                  "allow",
                                  "authorization",
                                  "cache-control",
                                  "connection",
                                  "content-base",
                                  "content-encoding",
                                  "content-language",
                                  "content-length",
                                  "content-location",
                                  "content-md5",
                                  "content-range",
                                  "content-type",
                                  "date",
                                  "etag",
                                  "expect",
                                  "expires",
                                  "from",
                                  "host",
                                  "if-match",
                                  "if-modified-since",
                                  "if-none-match",
                                  "if-range",
                                  "if-unmodified-since",
                                  "last-modified",
                                  "location",
                                  "max-forwards",
                                  "pragma",
                                  "proxy-authenticate",
                                  "proxy-authorization",
                                  "range",
                                  "referer",
                                  "retry-after",
                                  "server",
                                  "te",
                                  "trailer",
                                  "transfer-encoding",
                                  "upgrade",
                                  "user-agent",
                                  "vary",
                                  "via",
                                  "warning",
                                  "www-authenticate",
                                  "method",
                                  "get",
                                  "status",
                                  "200 OK",
                                  "version",
                                  "HTTP/1.1",
                                  "url",
                                  "public",
                                  "set-cookie",
                                  "keep-alive",
                                  "origin"}) {
      put32(out, static_cast<uint32_t>(word.size()));
      out += word;
    }
    out +=
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 "
        "Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 "
        "Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, "
        "Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/"
        "xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,"
        "sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";
    return out;
  }();
  return text;
}

const Bytef* bytes(std::string_view s) {
  return reinterpret_cast<const Bytef*>(s.data());
}

Status broken(const char* why) {
  return unreachable(std::string("spdy: ") + why);
}

}  // namespace

/// The header compression of one connection: each direction is one zlib stream.
struct Connection::Codec {
  z_stream out{};
  z_stream in{};
  Codec() {
    // 4 KiB windows' worth is plenty for these headers, but peers expect the full one.
    deflateInit(&out, Z_BEST_SPEED);
    deflateSetDictionary(&out, bytes(dictionary()), static_cast<uInt>(dictionary().size()));
    inflateInit(&in);
  }
  ~Codec() {
    deflateEnd(&out);
    inflateEnd(&in);
  }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  std::string encode(const Headers& headers) {
    std::vector<std::pair<std::string, std::string>> fields;
    for (const auto& [name, value] : headers) {
      auto lower = lowerCase(name);
      auto it = std::find_if(fields.begin(), fields.end(),
                             [&](const auto& f) { return f.first == lower; });
      if (it == fields.end()) {
        fields.emplace_back(std::move(lower), value);
      } else {
        it->second += '\0';
        it->second += value;
      }
    }
    std::string plain;
    put32(plain, static_cast<uint32_t>(fields.size()));
    for (const auto& [name, value] : fields) {
      put32(plain, static_cast<uint32_t>(name.size()));
      plain += name;
      put32(plain, static_cast<uint32_t>(value.size()));
      plain += value;
    }
    std::string packed(deflateBound(&out, plain.size()) + 64, '\0');
    out.next_in = const_cast<Bytef*>(bytes(plain));
    out.avail_in = static_cast<uInt>(plain.size());
    out.next_out = reinterpret_cast<Bytef*>(packed.data());
    out.avail_out = static_cast<uInt>(packed.size());
    int result = ::deflate(&out, Z_SYNC_FLUSH);
    COXSWAIN_ASSERT(result == Z_OK && out.avail_in == 0);
    packed.resize(packed.size() - out.avail_out);
    return packed;
  }

  Result<std::string> unpack(std::string_view packed) {
    std::string plain;
    in.next_in = const_cast<Bytef*>(bytes(packed));
    in.avail_in = static_cast<uInt>(packed.size());
    char chunk[4096];
    while (true) {
      in.next_out = reinterpret_cast<Bytef*>(chunk);
      in.avail_out = sizeof chunk;
      int result = ::inflate(&in, Z_SYNC_FLUSH);
      if (result == Z_NEED_DICT) {
        result =
            inflateSetDictionary(&in, bytes(dictionary()), static_cast<uInt>(dictionary().size()));
        if (result != Z_OK) return broken("wrong header dictionary");
        continue;
      }
      if (result != Z_OK && result != Z_BUF_ERROR) return broken("malformed header block");
      plain.append(chunk, sizeof chunk - in.avail_out);
      if (plain.size() > kHeaderBytesMax) return broken("header block too large");
      if (in.avail_out > 0) return plain;
    }
  }

  Result<Headers> decode(std::string_view packed) {
    TRY(auto plain, unpack(packed));
    std::string_view rest = plain;
    if (rest.size() < 4) return broken("short header block");
    uint32_t count = get32(rest, 0);
    rest.remove_prefix(4);
    if (count > kHeaderFieldsMax) return broken("too many header fields");
    Headers fields;
    for (uint32_t i = 0; i < count; ++i) {
      TRY(auto name, take(rest));
      TRY(auto values, take(rest));
      while (true) {
        auto end = values.find('\0');
        fields.add(std::string(name), std::string(values.substr(0, end)));
        if (end == std::string_view::npos) break;
        values.remove_prefix(end + 1);
        if (fields.size() > kHeaderFieldsMax) return broken("too many header fields");
      }
    }
    return fields;
  }

  static Result<std::string_view> take(std::string_view& rest) {
    if (rest.size() < 4) return broken("short header block");
    uint32_t size = get32(rest, 0);
    if (rest.size() - 4 < size) return broken("short header block");
    auto text = rest.substr(4, size);
    rest.remove_prefix(4 + size);
    return text;
  }
};

std::shared_ptr<Connection> Connection::create(std::unique_ptr<Stream> stream, Role role) {
  return std::shared_ptr<Connection>(new Connection(std::move(stream), role));
}

Connection::Connection(std::unique_ptr<Stream> stream, Role role)
    : stream_(std::move(stream)),
      role_(role),
      codec_(std::make_unique<Codec>()),
      nextId_(role == Role::Client ? 1 : 2),
      incoming_(kStreamsMax) {}

Connection::~Connection() = default;

void Connection::close() {
  for (auto& [id, stream] : streams_) {
    stream->broken_ = true;
    stream->changed_.set();
    stream->drained_.set();
  }
  stream_->close();
}

std::shared_ptr<SpdyStream> Connection::find(uint32_t id) {
  auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second;
}

void Connection::drop(uint32_t id) {
  streams_.erase(id);
}

Task<Status> Connection::run(std::stop_token stop) {
  auto self = shared_from_this();
  Status status = co_await readFrames(stop);
  ended_ = true;
  incoming_.close();
  auto streams = std::move(streams_);
  streams_.clear();
  for (auto& [id, stream] : streams) {
    stream->broken_ = true;
    stream->changed_.set();
  }
  stream_->close();
  runEnded_.set();
  co_return status;
}

Task<void> Connection::finish(Duration grace, std::stop_token stop) {
  auto self = shared_from_this();
  discarding_ = true;
  for (auto& [id, stream] : streams_) stream->drained_.set();
  Deadline deadline(grace, stop);
  Status said = co_await goAway(deadline.token());
  if (said.ok()) said = co_await writing_.acquire(deadline.token());
  if (said.ok()) {
    said = co_await stream_->shutdownWrite(deadline.token());
    writing_.release();
  }
  if (said.ok() && !ended_) said = co_await runEnded_.wait(deadline.token());
  close();
}

Task<Status> Connection::readFrames(std::stop_token stop) {
  std::string buffer;
  std::vector<char> chunk(32 * 1024);
  while (true) {
    while (buffer.size() >= 8) {
      uint32_t first = get32(buffer, 0);
      uint32_t second = get32(buffer, 4);
      size_t size = second & 0xffffff;
      if (size > kFrameBytesMax) co_return broken("frame too large");
      if (buffer.size() - 8 < size) break;
      auto payload = buffer.substr(8, size);
      buffer.erase(0, 8 + size);
      auto flags = static_cast<uint8_t>(second >> 24);
      if ((first & 0x80000000) == 0) {
        CO_TRY_STATUS(co_await onData(first, flags, std::move(payload), stop));
        continue;
      }
      if ((first >> 16 & 0x7fff) != 3) co_return broken("unsupported version");
      auto type = static_cast<uint16_t>(first);
      CO_TRY_STATUS(co_await onControl(type, flags, std::move(payload), stop));
    }
    CO_TRY(auto n, co_await stream_->read(chunk, stop));
    if (n == 0) co_return Status();
    buffer.append(chunk.data(), n);
  }
}

Task<Status> Connection::onControl(uint16_t type, uint8_t flags, std::string payload,
                                   std::stop_token stop) {
  if (type == kSettings || type == kGoAway || type == kWindowUpdate) co_return Status();
  if (payload.size() < 4) co_return broken("short control frame");
  uint32_t id = get32(payload, 0) & 0x7fffffff;
  if (type == kPing) {
    // Our own pings have our parity; those of the peer are sent back.
    bool mine = (get32(payload, 0) % 2 == 1) == (role_ == Role::Client);
    if (!mine) co_return co_await sendControl(kPing, 0, payload.substr(0, 4), stop);
    co_return Status();
  }
  if (type == kSynStream) {
    if (payload.size() < 10) co_return broken("short SYN_STREAM");
    CO_TRY(auto headers, codec_->decode(std::string_view(payload).substr(10)));
    bool peers = (id % 2 == 1) == (role_ == Role::Server);
    if (!peers || id <= lastPeerId_) co_return broken("bad stream id");
    lastPeerId_ = id;
    auto stream = std::make_shared<SpdyStream>();
    stream->connection_ = weak_from_this();
    stream->id_ = id;
    stream->headers_ = std::move(headers);
    stream->inEnded_ = (flags & kFin) != 0;
    if (streams_.size() >= kStreamsMax || !incoming_.tryPush(stream)) {
      std::string refused;
      put32(refused, id);
      put32(refused, 3);  // REFUSED_STREAM
      co_return co_await sendControl(kRstStream, 0, std::move(refused), stop);
    }
    streams_[id] = std::move(stream);
    co_return Status();
  }
  auto stream = find(id);
  if (type == kSynReply || type == kHeaders) {
    // The block is decoded even for a forgotten stream: the dictionary grows with it.
    CO_TRY(auto headers, codec_->decode(std::string_view(payload).substr(4)));
    if (!stream) co_return Status();
    if (type == kSynReply) stream->replied_ = true;
    for (const auto& [name, value] : headers) stream->headers_.add(name, value);
    if ((flags & kFin) != 0) stream->inEnded_ = true;
    stream->changed_.set();
  } else if (type == kRstStream && stream) {
    stream->broken_ = true;
    stream->changed_.set();
    drop(id);
  }
  co_return Status();
}

Task<Status> Connection::onData(uint32_t id, uint8_t flags, std::string payload,
                                std::stop_token stop) {
  auto stream = find(id);
  if (!stream || stream->inEnded_) co_return Status();
  while (stream->inBytes_ > kUnreadMax && !stream->broken_ && !discarding_) {
    // As upstream, a stream that nobody reads holds up the connection.
    stream->drained_.reset();
    CO_TRY_STATUS(co_await stream->drained_.wait(stop));
  }
  if (!payload.empty() && !discarding_) {
    stream->inBytes_ += payload.size();
    stream->in_.push_back(std::move(payload));
  }
  if ((flags & kFin) != 0) stream->inEnded_ = true;
  stream->changed_.set();
  if (stream->inEnded_ && stream->outEnded_) drop(id);
  co_return Status();
}

Task<Status> Connection::sendControl(uint16_t type, uint8_t flags, std::string payload,
                                     std::stop_token stop) {
  std::string out;
  put32(out, 0x80030000U | type);
  put32(out, static_cast<uint32_t>(flags) << 24 | static_cast<uint32_t>(payload.size()));
  out += payload;
  CO_TRY_STATUS(co_await writing_.acquire(stop));
  Status sent = co_await stream_->write(out, stop);
  writing_.release();
  co_return sent;
}

Task<Status> Connection::sendHeaders(uint16_t type, std::string fixed, const Headers& headers,
                                     std::stop_token stop) {
  CO_TRY_STATUS(co_await writing_.acquire(stop));
  auto payload = fixed + codec_->encode(headers);
  std::string out;
  put32(out, 0x80030000U | type);
  put32(out, static_cast<uint32_t>(payload.size()));
  out += payload;
  Status sent = co_await stream_->write(out, stop);
  writing_.release();
  co_return sent;
}

Task<Status> Connection::sendData(uint32_t id, std::string_view data, bool last,
                                  std::stop_token stop) {
  do {
    auto piece = data.substr(0, kDataMax);
    data.remove_prefix(piece.size());
    uint32_t flags = last && data.empty() ? kFin : 0;
    std::string out;
    put32(out, id);
    put32(out, flags << 24 | static_cast<uint32_t>(piece.size()));
    out += piece;
    CO_TRY_STATUS(co_await writing_.acquire(stop));
    Status sent = co_await stream_->write(out, stop);
    writing_.release();
    if (!sent.ok()) co_return sent;
  } while (!data.empty());
  co_return Status();
}

Task<Result<std::shared_ptr<SpdyStream>>> Connection::open(Headers headers, std::stop_token stop) {
  if (ended_) co_return broken("connection has ended");
  auto stream = std::make_shared<SpdyStream>();
  stream->connection_ = weak_from_this();
  stream->id_ = nextId_;
  nextId_ += 2;
  streams_[stream->id_] = stream;
  std::string fixed;
  put32(fixed, stream->id_);
  put32(fixed, 0);
  fixed.append(2, '\0');  // priority, slot
  Status sent = co_await sendHeaders(kSynStream, std::move(fixed), headers, stop);
  if (!sent.ok()) {
    drop(stream->id_);
    co_return sent;
  }
  co_return stream;
}

Task<std::optional<std::shared_ptr<SpdyStream>>> Connection::accept(std::stop_token stop) {
  return incoming_.pop(std::move(stop));
}

Task<Status> Connection::goAway(std::stop_token stop) {
  std::string payload;
  put32(payload, lastPeerId_);
  put32(payload, 0);
  return sendControl(kGoAway, 0, std::move(payload), std::move(stop));
}

Task<Result<std::string>> SpdyStream::read(std::stop_token stop) {
  while (in_.empty()) {
    if (inEnded_) co_return std::string();
    if (broken_) co_return broken("stream was reset");
    changed_.reset();
    CO_TRY_STATUS(co_await changed_.wait(stop));
  }
  auto piece = std::move(in_.front());
  in_.pop_front();
  inBytes_ -= piece.size();
  drained_.set();
  co_return std::move(piece);
}

Task<Status> SpdyStream::write(std::string_view data, bool last, std::stop_token stop) {
  auto connection = connection_.lock();
  if (!connection || broken_) co_return broken("stream was reset");
  if (outEnded_) co_return data.empty() && last ? Status() : broken("stream is half closed");
  if (data.empty() && !last) co_return Status();
  if (last) outEnded_ = true;
  Status sent = co_await connection->sendData(id_, data, last, stop);
  if (inEnded_ && outEnded_) connection->drop(id_);
  co_return sent;
}

Task<Status> SpdyStream::reset(std::stop_token stop) {
  auto connection = connection_.lock();
  if (!connection || broken_) co_return Status();
  broken_ = true;
  changed_.set();
  drained_.set();
  connection->drop(id_);
  std::string payload;
  put32(payload, id_);
  put32(payload, kCancel);
  co_return co_await connection->sendControl(kRstStream, 0, std::move(payload), stop);
}

Task<Status> SpdyStream::reply(std::stop_token stop) {
  auto connection = connection_.lock();
  if (!connection || broken_) co_return broken("stream was reset");
  if (replied_) co_return Status();
  replied_ = true;
  std::string fixed;
  put32(fixed, id_);
  Headers none;
  co_return co_await connection->sendHeaders(kSynReply, std::move(fixed), none, stop);
}

Task<Status> SpdyStream::awaitReply(std::stop_token stop) {
  while (!replied_) {
    if (broken_) co_return broken("stream was reset");
    changed_.reset();
    CO_TRY_STATUS(co_await changed_.wait(stop));
  }
  co_return Status();
}

}  // namespace coxswain::net::spdy
