#include "net/http2_session.h"

#include <nghttp2/nghttp2.h>
#include <cstring>

#include <algorithm>

#include "base/text.h"
#include "net/server_connection.h"
#include "runtime/spawn.h"

namespace coxswain::net {
namespace {

constexpr uint32_t kStreamWindow = 256 * 1024;
constexpr int32_t kConnectionWindow = 4 * 1024 * 1024;
constexpr size_t kOutMax = 64 * 1024;  // a stream's writer waits beyond

/// Fields that speak of an HTTP/1.1 connection have no place here.
bool ofConnection(const std::string& name) {
  return name == "connection" || name == "keep-alive" || name == "transfer-encoding" ||
         name == "upgrade" || name == "proxy-connection" || name == "host";
}

/// Owns what nghttp2 copies out of.
class Fields {
 public:
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  void add(const Headers& headers) {
    for (const auto& [name, value] : headers) {
      auto lowered = lowerCase(name);
      if (!ofConnection(lowered)) add(std::move(lowered), value);
    }
  }
  std::vector<nghttp2_nv> get() {
    std::vector<nghttp2_nv> out;
    for (auto& [name, value] : fields_)
      out.push_back({reinterpret_cast<uint8_t*>(name.data()),
                     reinterpret_cast<uint8_t*>(value.data()), name.size(), value.size(),
                     NGHTTP2_NV_FLAG_NONE});
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace

Status Http2Stream::closedStatus() const {
  if (stop.stop_requested() && errorCode == NGHTTP2_NO_ERROR)
    return unreachable("http2: connection or stream closed");
  return unreachable(std::string("http2: stream error: ") + nghttp2_http2_strerror(errorCode));
}

/// nghttp2's callbacks; `user` is the session.
struct Http2Callbacks {
  static Http2Session& of(void* user) { return *static_cast<Http2Session*>(user); }

  static int beginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& self = of(user);
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto stream = std::make_shared<Http2Stream>();
    stream->id = frame->hd.stream_id;
    self.streams_[stream->id] = std::move(stream);
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                    size_t nameSize, const uint8_t* value, size_t valueSize, uint8_t, void* user) {
    auto& self = of(user);
    auto stream = self.find(frame->hd.stream_id);
    if (!stream) return 0;
    if (!stream->received) return 0;
    auto& received = *stream->received;
    received.headerBytes += nameSize + valueSize + 32;
    if (received.headerBytes > self.limits_.headerBytesMax ||
        received.headers.size() + received.trailers.size() >= self.limits_.headerFieldsMax) {
      received.headersTooLarge = true;
      return 0;
    }
    std::string n(reinterpret_cast<const char*>(name), nameSize);
    std::string v(reinterpret_cast<const char*>(value), valueSize);
    if (n == ":method") {
      received.method = std::move(v);
    } else if (n == ":path") {
      received.path = std::move(v);
    } else if (n == ":authority") {
      received.authority = std::move(v);
    } else if (n == ":status") {
      received.status = std::atoi(v.c_str());
    } else if (n.starts_with(':')) {
      return 0;
    } else if (stream->headersDone) {
      received.trailers.add(std::move(n), std::move(v));
    } else {
      received.headers.add(std::move(n), std::move(v));
    }
    return 0;
  }

  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& self = of(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) self.draining_ = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    auto stream = self.find(frame->hd.stream_id);
    if (!stream) return 0;
    bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (last) stream->inClosed = true;
    if (frame->hd.type == NGHTTP2_HEADERS && !stream->headersDone) {
      bool interim = self.role_ == Http2Session::Role::Client && stream->received &&
                     stream->received->status < 200;
      if (interim) {
        stream->received->headers = Headers();
      } else {
        stream->headersDone = true;
        if (self.role_ == Http2Session::Role::Server) self.onRequest_(stream);
      }
    }
    stream->inChanged.set();
    return 0;
  }

  static int data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size,
                  void* user) {
    auto& self = of(user);
    auto stream = self.find(id);
    if (!stream || !stream->received) {
      self.consume(id, size);
      return 0;
    }
    auto& body = stream->received->body;
    // Frames may be tiny: pieces are joined, so that their number stays bounded by the window.
    if (!body.empty() && body.back().size() + size <= 16 * 1024) {
      body.back().append(reinterpret_cast<const char*>(bytes), size);
    } else {
      body.emplace_back(reinterpret_cast<const char*>(bytes), size);
    }
    stream->inChanged.set();
    return 0;
  }

  static int closed(nghttp2_session*, int32_t id, uint32_t code, void* user) {
    of(user).closeStream(id, code);
    return 0;
  }

  static int sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_DATA) return 0;
    auto& self = of(user);
    auto stream = self.find(frame->hd.stream_id);
    if (!stream || stream->pull != Http2Stream::Pull::Taken) return 0;
    stream->pull = Http2Stream::Pull::No;
    if (!stream->out.empty() || stream->outClosed) self.pull(*stream);
    return 0;
  }

  static ssize_t pull(nghttp2_session* session, int32_t id, uint8_t* buffer, size_t size,
                      uint32_t* flags, nghttp2_data_source* source, void* user) {
    auto& stream = *static_cast<Http2Stream*>(source->ptr);
    size_t n = std::min(size, stream.out.size() - stream.outAt);
    std::memcpy(buffer, stream.out.data() + stream.outAt, n);
    stream.outAt += n;
    if (stream.outAt == stream.out.size()) {
      stream.out = std::string();
      stream.outAt = 0;
      stream.outChanged.set();
      if (stream.outClosed) {
        stream.pull = Http2Stream::Pull::Ended;
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (!stream.outTrailers.empty()) {
          Fields fields;
          fields.add(stream.outTrailers);
          auto nv = fields.get();
          if (nghttp2_submit_trailer(session, id, nv.data(), nv.size()) == 0)
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        }
      } else if (of(user).role_ == Http2Session::Role::Server) {
        // The next piece is told of anew: in between nghttp2 holds nothing for it.
        stream.pull = Http2Stream::Pull::Taken;
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      } else if (n == 0) {
        stream.pull = Http2Stream::Pull::No;
        return NGHTTP2_ERR_DEFERRED;
      }
    }
    return static_cast<ssize_t>(n);
  }
};

std::shared_ptr<Http2Session> Http2Session::create(Reactor& reactor, std::unique_ptr<Stream> stream,
                                                   Role role, const HttpLimits& limits,
                                                   std::function<void(Http2StreamPtr)> onRequest) {
  return std::shared_ptr<Http2Session>(
      new Http2Session(reactor, std::move(stream), role, limits, std::move(onRequest)));
}

Http2Session::Http2Session(Reactor& reactor, std::unique_ptr<Stream> stream, Role role,
                           const HttpLimits& limits, std::function<void(Http2StreamPtr)> onRequest)
    : reactor_(reactor),
      stream_(std::move(stream)),
      role_(role),
      limits_(limits),
      onRequest_(std::move(onRequest)),
      heardAt_(reactor.now()),
      idleSince_(reactor.now()) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Http2Callbacks::beginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Http2Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Http2Callbacks::frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Http2Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Http2Callbacks::closed);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Http2Callbacks::sent);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_max_send_header_block_length(option, limits_.headerBytesMax);
  if (role == Role::Server) {
    nghttp2_session_server_new2(&session_, callbacks, this, option);
  } else {
    nghttp2_session_client_new2(&session_, callbacks, this, option);
  }
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  std::vector<nghttp2_settings_entry> settings = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits_.headerBytesMax)}};
  if (role == Role::Server)
    settings.push_back(
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<uint32_t>(limits_.streamsMax)});
  if (role == Role::Client) settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

Http2Session::~Http2Session() {
  nghttp2_session_del(session_);
}

Http2StreamPtr Http2Session::find(int32_t id) {
  auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second;
}

void Http2Session::consume(int32_t id, size_t size) {
  nghttp2_session_consume(session_, id, size);
  wake();
}

void Http2Session::closeStream(int32_t id, uint32_t code) {
  auto it = streams_.find(id);
  if (it == streams_.end()) return;
  auto stream = it->second;
  streams_.erase(it);
  if (streams_.empty()) idleSince_ = reactor_.now();
  stream->closed = true;
  stream->errorCode = code;
  stream->inChanged.set();
  stream->outChanged.set();
  // The client of a finished exchange has not gone away.
  if (code != NGHTTP2_NO_ERROR || !stream->inClosed || !stream->outClosed)
    stream->stop.request_stop();
  // Not from within nghttp2.
  if (stream->remainder) reactor_.post([rest = std::move(stream->remainder)] { rest->end(); });
}

void Http2Session::pull(Http2Stream& stream) {
  if (stream.pull == Http2Stream::Pull::No) {
    stream.pull = Http2Stream::Pull::Asked;
    if (role_ == Role::Client) {
      nghttp2_session_resume_data(session_, stream.id);
    } else {
      nghttp2_data_provider provider{};
      provider.source.ptr = &stream;
      provider.read_callback = Http2Callbacks::pull;
      nghttp2_submit_data(session_, NGHTTP2_FLAG_END_STREAM, stream.id, &provider);
    }
  }
  wake();
}

Task<void> Http2Session::run(std::stop_token stop, std::string early) {
  auto self = shared_from_this();
  std::stop_callback<ForwardStop> forward(stop, ForwardStop{end_});
  spawn(reactor_, writeLoop(self));
  if (pingAfter_ > Duration::zero()) {
    spawn(reactor_, pingLoop(self));
  } else {
    pingerDone_.set();
  }
  bool fine = true;
  if (!early.empty())
    fine = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(early.data()),
                                    early.size()) >= 0;
  if (fine) co_await readLoop();
  end_.request_stop();
  Status ignored = co_await writerDone_.wait();
  ignored = co_await pingerDone_.wait();
  (void)ignored;
  draining_ = true;
  while (!streams_.empty()) closeStream(streams_.begin()->first, NGHTTP2_CANCEL);
  stream_->close();
}

Task<void> Http2Session::readLoop() {
  std::vector<char> buffer(16 * 1024);
  auto token = end_.get_token();
  while (!token.stop_requested()) {
    auto n = co_await stream_->read(buffer, token);
    if (!n.ok() || *n == 0) co_return;
    heardAt_ = reactor_.now();
    auto used = nghttp2_session_mem_recv(session_, reinterpret_cast<uint8_t*>(buffer.data()), *n);
    wake();
    if (used < 0) co_return;
  }
}

Task<void> Http2Session::writeLoop(std::shared_ptr<Http2Session> self) {
  auto token = end_.get_token();
  std::string out;
  while (true) {
    out.clear();
    ssize_t n = 1;
    while (out.size() < 64 * 1024) {
      const uint8_t* data = nullptr;
      n = nghttp2_session_mem_send(session_, &data);
      if (n <= 0) break;
      out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(n));
    }
    if (n < 0) break;
    if (!out.empty()) {
      Status sent = co_await stream_->write(out, token);
      if (!sent.ok()) break;
      continue;
    }
    if (!nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_)) break;
    if (draining_ && streams_.empty()) break;
    out = std::string();
    wake_.reset();
    Status woken = co_await wake_.wait(token);
    if (!woken.ok()) break;
  }
  end_.request_stop();
  writerDone_.set();
}

void Http2Session::watchPeer(Duration after, Duration patience) {
  pingAfter_ = after;
  pingPatience_ = patience;
}

Task<void> Http2Session::pingLoop(std::shared_ptr<Http2Session> self) {
  auto token = end_.get_token();
  Status slept;
  while (slept.ok()) {
    const MonotonicTime quietUntil = (streams_.empty() ? reactor_.now() : heardAt_) + pingAfter_;
    if (quietUntil > reactor_.now()) {
      slept = co_await sleepFor(quietUntil - reactor_.now(), token);
      continue;
    }
    const MonotonicTime asked = reactor_.now();
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    wake();
    slept = co_await sleepFor(pingPatience_, token);
    if (slept.ok() && heardAt_ <= asked) break;
  }
  end_.request_stop();
  pingerDone_.set();
}

void Http2Session::drain() {
  if (draining_) return;
  draining_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  wake();
}

Result<Http2StreamPtr> Http2Session::request(const std::string& method, const std::string& scheme,
                                             const std::string& authority, const std::string& path,
                                             const Headers& headers, bool hasBody) {
  if (!usable()) return unreachable("http2: connection is closing");
  auto stream = std::make_shared<Http2Stream>();
  Fields fields;
  fields.add(":method", method);
  fields.add(":scheme", scheme);
  fields.add(":authority", authority);
  fields.add(":path", path);
  fields.add(headers);
  auto nv = fields.get();
  nghttp2_data_provider provider{};
  provider.source.ptr = stream.get();
  provider.read_callback = Http2Callbacks::pull;
  stream->outClosed = !hasBody;
  if (hasBody) stream->pull = Http2Stream::Pull::Asked;
  int id = nghttp2_submit_request(session_, nullptr, nv.data(), nv.size(),
                                  hasBody ? &provider : nullptr, nullptr);
  if (id < 0) {
    draining_ = true;
    return unreachable(std::string("http2: ") + nghttp2_strerror(id));
  }
  stream->id = id;
  streams_[id] = stream;
  wake();
  return stream;
}

Status Http2Session::respond(Http2Stream& stream, int status, const Headers& headers,
                             bool hasBody) {
  if (stream.closed) return stream.closedStatus();
  Fields fields;
  fields.add(":status", std::to_string(status));
  fields.add(headers);
  auto nv = fields.get();
  if (!hasBody) stream.outClosed = true;
  int error = hasBody ? nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr,
                                               nv.data(), nv.size(), nullptr)
                      : nghttp2_submit_response(session_, stream.id, nv.data(), nv.size(), nullptr);
  wake();
  return error == 0 ? Status() : internalError(nghttp2_strerror(error));
}

Task<Status> Http2Session::write(Http2StreamPtr stream, std::string_view data, std::stop_token stop,
                                 Duration stallMax) {
  if (stream->closed) co_return stream->closedStatus();
  if (stream->outClosed) co_return internalError("body has ended");
  stream->out += data;
  pull(*stream);
  while (!stream->closed && stream->out.size() - stream->outAt > kOutMax) {
    stream->outChanged.reset();
    if (stallMax == Duration(0)) {
      CO_TRY_STATUS(co_await stream->outChanged.wait(stop));
      continue;
    }
    Deadline deadline(stallMax, stop);
    Status waited = co_await stream->outChanged.wait(deadline.token());
    if (waited.ok()) continue;
    if (!deadline.expired()) co_return waited;
    reset(*stream, NGHTTP2_CANCEL);
    co_return unreachable("http2: the peer does not read");
  }
  co_return stream->closed ? stream->closedStatus() : Status();
}

Status Http2Session::finish(Http2Stream& stream, const Headers& trailers) {
  if (stream.closed) return stream.closedStatus();
  if (stream.outClosed) return {};
  stream.outClosed = true;
  stream.outTrailers = trailers;
  pull(stream);
  return {};
}

Task<Result<std::string>> Http2Session::read(Http2StreamPtr stream, std::stop_token stop) {
  auto self = shared_from_this();
  while (stream->received && stream->received->body.empty()) {
    if (stream->inClosed) co_return std::string();
    if (stream->closed) co_return stream->closedStatus();
    stream->inChanged.reset();
    CO_TRY_STATUS(co_await stream->inChanged.wait(stop));
  }
  if (!stream->received) co_return internalError("http2: the body was given up");
  auto& body = stream->received->body;
  auto piece = std::move(body.front());
  body.pop_front();
  consume(stream->id, piece.size());
  co_return std::move(piece);
}

Task<Status> Http2Session::awaitHeaders(Http2StreamPtr stream, std::stop_token stop) {
  while (!stream->headersDone) {
    if (stream->closed) co_return stream->closedStatus();
    stream->inChanged.reset();
    CO_TRY_STATUS(co_await stream->inChanged.wait(stop));
  }
  co_return Status();
}

void Http2Session::abandon(Http2Stream& stream) {
  auto received = std::move(stream.received);
  if (!received) return;
  for (auto& piece : received->body) consume(stream.id, piece.size());
}

void Http2Session::reset(Http2Stream& stream, uint32_t code) {
  if (stream.closed) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, code);
  wake();
}

const Headers& Http2Body::trailers() const {
  static const Headers kNone;
  return stream_->received ? stream_->received->trailers : kNone;
}

Task<Result<std::string>> Http2Body::read(std::stop_token stop) {
  auto piece = co_await session_->read(stream_, std::move(stop));
  if (piece.ok()) {
    total_ += piece->size();
    if (sizeMax_ > 0 && total_ > sizeMax_)
      co_return requestEntityTooLarge("limit is " + std::to_string(sizeMax_));
  }
  co_return std::move(piece);
}

}  // namespace coxswain::net
