#pragma once

#include <functional>

#include "net/http.h"

/// HTTP/1.1 on the wire, for server and client. Inside of net only. RFC 9112, strict: bare line
/// feeds, folded fields, both lengths and odd numbers are refused.
namespace coxswain::net::http1 {

struct RequestHead {
  std::string method;
  std::string target;
  int minor = 1;
  Headers headers;
};
struct ResponseHead {
  int status = 0;
  int minor = 1;
  Headers headers;
};

/// `head` ends with its empty line. Failures carry the code to answer (400, 431, 501, 505).
Result<RequestHead> parseRequestHead(std::string_view head, size_t fieldsMax);
Result<ResponseHead> parseResponseHead(std::string_view head, size_t fieldsMax);
/// Fields up to the end of `text`; each line ends with CRLF.
Status parseFields(std::string_view text, size_t fieldsMax, Headers& out);

struct Framing {
  enum class Kind { None, Length, Chunked, UntilClose } kind = Kind::None;
  uint64_t length = 0;
};
Result<Framing> requestFraming(const Headers& headers);
Result<Framing> responseFraming(const Headers& headers, int status, bool toHead);

/// Appends "name: value" lines.
void writeFields(std::string& out, const Headers& headers);
/// Nothing in names and values that could end a line or a name.
Status checkFields(const Headers& headers);

/// Bytes of a stream that are not used yet.
class Buffered {
 public:
  explicit Buffered(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
  [[nodiscard]] std::string_view data() const { return std::string_view(data_).substr(at_); }
  void consume(size_t n);
  /// Reads more; 0 at the end of the stream.
  Task<Result<size_t>> fill(std::stop_token stop);
  Stream& stream() { return *stream_; }
  /// The stream with the unused bytes in front. Nothing is left here.
  std::unique_ptr<Stream> release();

  /// Size up to and with the empty line; nullopt at a clean end of stream. 431 beyond `sizeMax`.
  Task<Result<std::optional<size_t>>> awaitHead(size_t sizeMax, std::stop_token stop);

 private:
  std::unique_ptr<Stream> stream_;
  std::string data_;
  size_t at_ = 0;
};

/// A body cut out of the buffered stream.
class Body final : public BodyReader {
 public:
  /// `sizeMax` 0: no limit.
  Body(Buffered& in, Framing framing, size_t sizeMax);
  Task<Result<std::string>> read(std::stop_token stop) override;
  [[nodiscard]] const Headers& trailers() const override { return trailers_; }
  [[nodiscard]] bool done() const { return state_ == State::Done; }
  [[nodiscard]] bool failed() const { return state_ == State::Failed; }
  /// The peer waits for "100 Continue".
  void expectContinue() { continue_ = true; }
  [[nodiscard]] bool continuePending() const { return continue_; }

 private:
  enum class State { ChunkSize, Data, ChunkEnd, Trailers, Done, Failed };
  Task<Result<std::string>> step(std::stop_token stop);
  Task<Result<std::string_view>> line(std::stop_token stop);
  Buffered& in_;
  Framing framing_;
  size_t sizeMax_;
  State state_;
  uint64_t left_ = 0;
  uint64_t total_ = 0;
  size_t trailerBytes_ = 0;
  bool continue_ = false;
  Headers trailers_;
};

}  // namespace coxswain::net::http1
