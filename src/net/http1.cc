#include "net/http1.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace coxswain::net::http1 {
namespace {

constexpr size_t kReadSize = 16 * 1024;
constexpr size_t kChunkLineMax = 4096;
constexpr size_t kTrailerBytesMax = 64 * 1024;

Status refuse(int code, std::string message) {
  return Status(Reason::BadRequest, code, std::move(message));
}

bool isToken(std::string_view s) {
  if (s.empty()) return false;
  for (unsigned char c : s) {
    bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                (c != 0 && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
    if (!fine) return false;
  }
  return true;
}

bool isValue(std::string_view s) {
  for (unsigned char c : s)
    if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
  return true;
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

/// Cuts the first line off `text`.
Result<std::string_view> takeLine(std::string_view& text) {
  auto end = text.find('\n');
  if (end == std::string_view::npos || end == 0 || text[end - 1] != '\r')
    return refuse(400, "malformed line end");
  auto out = text.substr(0, end - 1);
  text.remove_prefix(end + 1);
  return out;
}

Result<int> parseVersion(std::string_view version) {
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.')
    return refuse(400, "malformed HTTP version");
  if (version == "HTTP/1.1") return 1;
  if (version == "HTTP/1.0") return 0;
  return refuse(505, "unsupported protocol version");
}

/// Decimal digits only: no sign, no space, no list.
std::optional<uint64_t> parseLength(std::string_view s) {
  uint64_t out = 0;
  if (s.empty() || s.size() > 18) return std::nullopt;
  for (char c : s) {
    if (c < '0' || c > '9') return std::nullopt;
    out = out * 10 + static_cast<uint64_t>(c - '0');
  }
  return out;
}

/// Kind None: neither header is there.
Result<Framing> commonFraming(const Headers& headers) {
  auto lengths = headers.all("Content-Length");
  auto codings = headers.all("Transfer-Encoding");
  Framing out;
  if (!codings.empty()) {
    if (!lengths.empty()) return refuse(400, "both Content-Length and Transfer-Encoding");
    if (codings.size() != 1 || !equalNoCase(codings[0], "chunked"))
      return refuse(501, "Unsupported transfer encoding");
    out.kind = Framing::Kind::Chunked;
    return out;
  }
  if (lengths.empty()) return out;
  auto length = parseLength(lengths[0]);
  if (lengths.size() != 1 || !length) return refuse(400, "bad Content-Length");
  out.kind = Framing::Kind::Length;
  out.length = *length;
  return out;
}

/// A stream whose first bytes were read already.
class Prefixed final : public Stream {
 public:
  Prefixed(std::unique_ptr<Stream> stream, std::string prefix)
      : stream_(std::move(stream)), prefix_(std::move(prefix)) {}
  Task<Result<size_t>> read(std::span<char> buffer, std::stop_token stop) override {
    if (prefix_.empty()) co_return co_await stream_->read(buffer, stop);
    size_t n = std::min(buffer.size(), prefix_.size());
    std::memcpy(buffer.data(), prefix_.data(), n);
    prefix_.erase(0, n);
    co_return n;
  }
  Task<Status> write(std::string_view data, std::stop_token stop) override {
    return stream_->write(data, std::move(stop));
  }
  Task<Status> shutdownWrite(std::stop_token stop) override {
    return stream_->shutdownWrite(std::move(stop));
  }
  void close() override { stream_->close(); }
  [[nodiscard]] std::string peerAddress() const override { return stream_->peerAddress(); }
  [[nodiscard]] std::string localAddress() const override { return stream_->localAddress(); }
  [[nodiscard]] const TlsInfo* tls() const override { return stream_->tls(); }

 private:
  std::unique_ptr<Stream> stream_;
  std::string prefix_;
};

}  // namespace

Status parseFields(std::string_view text, size_t fieldsMax, Headers& out) {
  while (!text.empty()) {
    TRY(auto line, takeLine(text));
    if (line.empty()) return text.empty() ? Status() : refuse(400, "bytes after header fields");
    if (line.front() == ' ' || line.front() == '\t') return refuse(400, "folded header field");
    auto colon = line.find(':');
    auto name = line.substr(0, colon);
    if (colon == std::string_view::npos || !isToken(name))
      return refuse(400, "malformed header field name");
    auto value = trim(line.substr(colon + 1));
    if (!isValue(value)) return refuse(400, "malformed header field value");
    if (out.size() >= fieldsMax) return refuse(431, "too many header fields");
    out.add(std::string(name), std::string(value));
  }
  return {};
}

Result<RequestHead> parseRequestHead(std::string_view head, size_t fieldsMax) {
  TRY(auto line, takeLine(head));
  auto first = line.find(' ');
  auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return refuse(400, "malformed request line");
  RequestHead out;
  out.method = std::string(line.substr(0, first));
  out.target = std::string(line.substr(first + 1, last - first - 1));
  if (!isToken(out.method)) return refuse(400, "invalid method");
  if (out.target.empty()) return refuse(400, "malformed request line");
  for (unsigned char c : out.target)
    if (c <= 0x20 || c == 0x7f) return refuse(400, "invalid request target");
  TRY(out.minor, parseVersion(line.substr(last + 1)));
  TRY_STATUS(parseFields(head, fieldsMax, out.headers));
  auto hosts = out.headers.all("Host").size();
  if (hosts > 1) return refuse(400, "too many Host headers");
  if (hosts == 0 && out.minor > 0) return refuse(400, "missing required Host header");
  return out;
}

Result<ResponseHead> parseResponseHead(std::string_view head, size_t fieldsMax) {
  TRY(auto line, takeLine(head));
  if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' '))
    return refuse(400, "malformed status line");
  ResponseHead out;
  TRY(out.minor, parseVersion(line.substr(0, 8)));
  auto code = parseLength(line.substr(9, 3));
  if (!code || *code < 100) return refuse(400, "malformed status line");
  out.status = static_cast<int>(*code);
  TRY_STATUS(parseFields(head, fieldsMax, out.headers));
  return out;
}

Result<Framing> requestFraming(const Headers& headers) {
  return commonFraming(headers);
}

Result<Framing> responseFraming(const Headers& headers, int status, bool toHead) {
  if (toHead || status < 200 || status == 204 || status == 304) return Framing{};
  TRY(auto out, commonFraming(headers));
  if (out.kind == Framing::Kind::None) out.kind = Framing::Kind::UntilClose;
  return out;
}

void writeFields(std::string& out, const Headers& headers) {
  for (const auto& [name, value] : headers) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
}

Status checkFields(const Headers& headers) {
  for (const auto& [name, value] : headers)
    if (!isToken(name) || !isValue(value))
      return internalError("bad header field \"" + name + "\"");
  return {};
}

void Buffered::consume(size_t n) {
  at_ += n;
  if (at_ < data_.size()) return;
  // An idle connection keeps no buffer.
  data_ = std::string();
  at_ = 0;
}

Task<Result<size_t>> Buffered::fill(std::stop_token stop) {
  if (at_ > 0) {
    data_.erase(0, at_);
    at_ = 0;
  }
  char chunk[kReadSize];
  CO_TRY(auto n, co_await stream_->read(chunk, stop));
  data_.append(chunk, n);
  co_return n;
}

std::unique_ptr<Stream> Buffered::release() {
  auto rest = std::string(data());
  data_.clear();
  at_ = 0;
  if (rest.empty()) return std::move(stream_);
  return std::make_unique<Prefixed>(std::move(stream_), std::move(rest));
}

Task<Result<std::optional<size_t>>> Buffered::awaitHead(size_t sizeMax, std::stop_token stop) {
  size_t searched = 0;
  while (true) {
    auto text = data();
    auto end = text.find("\r\n\r\n", searched > 3 ? searched - 3 : 0);
    if (end != std::string_view::npos && end + 4 <= sizeMax)
      co_return std::optional<size_t>(end + 4);
    if (text.size() > sizeMax) co_return refuse(431, "header fields too large");
    // Refused at once: a peer with bare line feeds would otherwise wait for the timeout.
    if (auto lf = text.find('\n', searched);
        lf != std::string_view::npos && (lf == 0 || text[lf - 1] != '\r'))
      co_return refuse(400, "malformed line end");
    searched = text.size();
    CO_TRY(auto n, co_await fill(stop));
    if (n > 0) continue;
    if (data().empty()) co_return std::optional<size_t>();
    co_return unreachable("unexpected end of stream in header");
  }
}

Body::Body(Buffered& in, Framing framing, size_t sizeMax)
    : in_(in), framing_(framing), sizeMax_(sizeMax) {
  using K = Framing::Kind;
  state_ = framing.kind == K::Chunked ? State::ChunkSize : State::Data;
  left_ = framing.length;
  if (framing.kind == K::UntilClose) left_ = UINT64_MAX;
  if (framing.kind == K::None || (framing.kind == K::Length && left_ == 0)) state_ = State::Done;
}

Task<Result<std::string>> Body::read(std::stop_token stop) {
  if (state_ == State::Done) co_return std::string();
  if (state_ == State::Failed) co_return unreachable("body failed before");
  if (sizeMax_ > 0 && framing_.kind == Framing::Kind::Length && framing_.length > sizeMax_)
    co_return requestEntityTooLarge("limit is " + std::to_string(sizeMax_));
  if (continue_) {
    continue_ = false;
    CO_TRY_STATUS(co_await in_.stream().write("HTTP/1.1 100 Continue\r\n\r\n", stop));
  }
  auto piece = co_await step(stop);
  if (!piece.ok() && !isCanceled(piece.status())) state_ = State::Failed;
  if (piece.ok()) {
    total_ += piece->size();
    if (sizeMax_ > 0 && total_ > sizeMax_) {
      state_ = State::Failed;
      co_return requestEntityTooLarge("limit is " + std::to_string(sizeMax_));
    }
  }
  co_return std::move(piece);
}

/// A line without its CRLF; stays in the buffer until the caller consumes it.
Task<Result<std::string_view>> Body::line(std::stop_token stop) {
  while (true) {
    auto text = in_.data();
    auto end = text.find('\n');
    if (end != std::string_view::npos) {
      if (end == 0 || text[end - 1] != '\r') co_return refuse(400, "malformed line end");
      co_return text.substr(0, end - 1);
    }
    if (text.size() > kChunkLineMax) co_return refuse(400, "chunk line too long");
    CO_TRY(auto n, co_await in_.fill(stop));
    if (n == 0) co_return unreachable("unexpected end of stream in body");
  }
}

Task<Result<std::string>> Body::step(std::stop_token stop) {
  while (true) {
    if (state_ == State::Data) {
      if (in_.data().empty()) {
        CO_TRY(auto n, co_await in_.fill(stop));
        if (n == 0) {
          if (framing_.kind != Framing::Kind::UntilClose)
            co_return unreachable("unexpected end of stream in body");
          state_ = State::Done;
          co_return std::string();
        }
      }
      auto text = in_.data();
      std::string piece(text.substr(0, std::min<uint64_t>(text.size(), left_)));
      in_.consume(piece.size());
      if (framing_.kind != Framing::Kind::UntilClose) left_ -= piece.size();
      if (left_ == 0)
        state_ = framing_.kind == Framing::Kind::Length ? State::Done : State::ChunkEnd;
      co_return std::move(piece);
    }
    CO_TRY(auto text, co_await line(stop));
    size_t used = text.size() + 2;
    if (state_ == State::ChunkEnd) {
      if (!text.empty()) co_return refuse(400, "malformed chunked encoding");
      state_ = State::ChunkSize;
    } else if (state_ == State::ChunkSize) {
      auto digits = trim(text.substr(0, text.find(';')));
      auto end = digits.data() + digits.size();
      uint64_t size = 0;
      auto [at, error] = std::from_chars(digits.data(), end, size, 16);
      if (digits.empty() || digits.size() > 15 || error != std::errc() || at != end)
        co_return refuse(400, "malformed chunk size");
      left_ = size;
      state_ = size == 0 ? State::Trailers : State::Data;
    } else {
      trailerBytes_ += used;
      if (trailerBytes_ > kTrailerBytesMax) co_return refuse(431, "trailers too large");
      if (text.empty()) {
        in_.consume(used);
        state_ = State::Done;
        co_return std::string();
      }
      CO_TRY_STATUS(parseFields(in_.data().substr(0, used), 100, trailers_));
    }
    in_.consume(used);
  }
}

}  // namespace coxswain::net::http1
