#include "streaming/spdy_session.h"

#include "runtime/spawn.h"
#include "streaming/resize.h"

namespace coxswain::streaming {
namespace {

using net::spdy::SpdyStream;
using StreamPointer = std::shared_ptr<SpdyStream>;

constexpr std::string_view kStreamType = "streamType";
constexpr Duration kCreationTimeout = 30s;
constexpr Duration kGrace = 5s;
constexpr size_t kOutcomeBytesMax = 64 * 1024;

const std::vector<std::string>& serverVersions() {
  static const std::vector<std::string> all = {"v5.channel.k8s.io", "v4.channel.k8s.io",
                                               "v3.channel.k8s.io", "v2.channel.k8s.io",
                                               "channel.k8s.io",    ""};
  return all;
}

const std::vector<std::string>& clientVersions() {
  static const std::vector<std::string> all = {"v5.channel.k8s.io", "v4.channel.k8s.io",
                                               "v3.channel.k8s.io", "v2.channel.k8s.io",
                                               "channel.k8s.io"};
  return all;
}

/// "v4.channel.k8s.io" -> 4; the nameless one is 1.
int versionNumber(std::string_view protocol) {
  return protocol.size() > 1 && protocol[0] == 'v' ? protocol[1] - '0' : 1;
}

struct Streams {
  StreamPointer error;
  StreamPointer stdin_;
  StreamPointer stdout_;
  StreamPointer stderr_;
  StreamPointer resize;

  StreamPointer* slot(std::string_view type) {
    if (type == "error") return &error;
    if (type == "stdin") return &stdin_;
    if (type == "stdout") return &stdout_;
    if (type == "stderr") return &stderr_;
    return type == "resize" ? &resize : nullptr;
  }
};

std::vector<std::string> wantedTypes(const StreamSet& set, int version) {
  std::vector<std::string> out = {"error"};
  if (set.stdin_) out.emplace_back("stdin");
  if (set.stdout_) out.emplace_back("stdout");
  if (set.stderr_) out.emplace_back("stderr");
  if (set.tty && version >= 3) out.emplace_back("resize");
  return out;
}

class SpdyServerSession final : public ServerSession {
 public:
  SpdyServerSession(std::unique_ptr<SpdyLink> link, StreamSet set)
      : link_(std::move(link)), set_(set), version_(versionNumber(link_->protocol())) {}

  Task<Status> awaitStreams(std::stop_token stop) {
    Deadline deadline(kCreationTimeout, stop);
    for (size_t left = wantedTypes(set_, version_).size(); left > 0;) {
      auto stream = co_await link_->connection().accept(deadline.token());
      if (!stream && deadline.expired())
        co_return timeoutError("timed out waiting for client to create streams");
      if (!stream) co_return unreachable("connection closed before its streams were created");
      CO_TRY(bool counts, take(**stream, *stream));
      Status replied = co_await (*stream)->reply(deadline.token());
      if (!replied.ok()) co_return replied;
      if (counts) --left;
    }
    co_return Status();
  }

  [[nodiscard]] const StreamSet& streams() const override { return set_; }

  Task<Result<std::string>> readStdin(std::stop_token stop) override {
    if (!streams_.stdin_) co_return std::string();
    co_return co_await streams_.stdin_->read(stop);
  }

  Task<std::optional<TerminalSize>> nextResize(std::stop_token stop) override {
    while (streams_.resize) {
      if (auto size = resizes_.next()) co_return size;
      auto piece = co_await streams_.resize->read(stop);
      if (!piece.ok() || piece->empty() || !resizes_.feed(*piece)) break;
    }
    co_return std::nullopt;
  }

  Task<Status> writeStdout(std::string_view data, std::stop_token stop) override {
    if (!streams_.stdout_) co_return Status();
    co_return co_await streams_.stdout_->write(data, false, stop);
  }
  Task<Status> writeStderr(std::string_view data, std::stop_token stop) override {
    if (!streams_.stderr_) co_return Status();
    co_return co_await streams_.stderr_->write(data, false, stop);
  }

  Task<Status> finish(Outcome outcome, std::stop_token stop) override {
    auto text = version_ >= 4 ? encodeOutcome(outcome) : encodeOutcomeText(outcome);
    if (streams_.stdout_) CO_TRY_STATUS(co_await streams_.stdout_->finish(stop));
    if (streams_.stderr_) CO_TRY_STATUS(co_await streams_.stderr_->finish(stop));
    CO_TRY_STATUS(co_await streams_.error->write(text, true, stop));
    co_await link_->finish(kGrace);
    co_return Status();
  }

  [[nodiscard]] std::stop_token gone() const override { return link_->gone(); }
  Task<void> close() override { return link_->close(); }

 private:
  /// True: one of those wanted.
  Result<bool> take(const SpdyStream& stream, StreamPointer pointer) {
    std::string type(stream.headers().get(kStreamType));
    auto* slot = streams_.slot(type);
    if (!slot) return badRequest("invalid stream type \"" + type + "\"");
    if (*slot) return badRequest("stream \"" + type + "\" was created twice");
    *slot = std::move(pointer);
    for (const auto& wanted : wantedTypes(set_, version_))
      if (wanted == type) return true;
    return false;
  }

  std::unique_ptr<SpdyLink> link_;
  StreamSet set_;
  int version_;
  Streams streams_;
  ResizeDecoder resizes_;
};

class SpdyClientSession final : public ClientSession {
 public:
  SpdyClientSession(std::unique_ptr<SpdyLink> link, StreamSet set)
      : link_(std::move(link)), set_(set), version_(versionNumber(link_->protocol())) {}

  Task<Status> openStreams(std::stop_token stop) {
    for (const auto& type : wantedTypes(set_, version_)) {
      net::Headers headers;
      headers.add(std::string(kStreamType), type);
      CO_TRY(auto stream, co_await link_->connection().open(std::move(headers), stop));
      Deadline deadline(kCreationTimeout, stop);
      CO_TRY_STATUS(co_await stream->awaitReply(deadline.token()));
      *streams_.slot(type) = std::move(stream);
    }
    co_return Status();
  }

  [[nodiscard]] const StreamSet& streams() const override { return set_; }

  Task<Status> writeStdin(std::string_view data, std::stop_token stop) override {
    if (!streams_.stdin_) co_return badRequest("session has no standard input");
    co_return co_await streams_.stdin_->write(data, false, stop);
  }
  Task<Status> closeStdin(std::stop_token stop) override {
    if (!streams_.stdin_) co_return Status();
    co_return co_await streams_.stdin_->finish(stop);
  }
  Task<Status> resize(TerminalSize size, std::stop_token stop) override {
    if (!streams_.resize) co_return Status();
    auto text = encodeResize(size);
    co_return co_await streams_.resize->write(text, false, stop);
  }

  Task<Result<std::string>> readStdout(std::stop_token stop) override {
    if (!streams_.stdout_) co_return std::string();
    co_return co_await streams_.stdout_->read(stop);
  }
  Task<Result<std::string>> readStderr(std::stop_token stop) override {
    if (!streams_.stderr_) co_return std::string();
    co_return co_await streams_.stderr_->read(stop);
  }

  Task<Result<Outcome>> outcome(std::stop_token stop) override {
    std::string text;
    while (true) {
      auto piece = co_await streams_.error->read(stop);
      if (!piece.ok()) {
        // The peer may hang up right after its last word.
        if (isCanceled(piece.status()) || text.empty()) co_return piece.status();
        break;
      }
      if (piece->empty()) break;
      text += *piece;
      if (text.size() > kOutcomeBytesMax) co_return unreachable("error stream is too long");
    }
    if (version_ < 4) co_return decodeOutcomeText(text);
    if (text.empty()) co_return unreachable("error stream ended without a status");
    co_return decodeOutcome(text);
  }

  Task<void> close() override { return link_->close(); }

 private:
  std::unique_ptr<SpdyLink> link_;
  StreamSet set_;
  int version_;
  Streams streams_;
};

}  // namespace

Task<Result<std::unique_ptr<ServerSession>>> acceptSpdyCommand(net::Request& request,
                                                               net::ResponseWriter& response,
                                                               StreamSet streams,
                                                               std::stop_token stop) {
  CO_TRY(auto link, co_await acceptSpdy(request, response, serverVersions()));
  auto session = std::make_unique<SpdyServerSession>(std::move(link), streams);
  Status ready = co_await session->awaitStreams(stop);
  if (!ready.ok()) {
    co_await session->close();
    co_return ready;
  }
  co_return std::unique_ptr<ServerSession>(std::move(session));
}

Task<Result<std::unique_ptr<ClientSession>>> dialSpdyCommand(Upgrader& client,
                                                             net::ClientRequest request,
                                                             StreamSet streams,
                                                             std::stop_token stop) {
  if (request.method == "GET") request.method = "POST";
  CO_TRY(auto link, co_await dialSpdy(client, std::move(request), clientVersions(), stop));
  auto session = std::make_unique<SpdyClientSession>(std::move(link), streams);
  Status ready = co_await session->openStreams(stop);
  if (!ready.ok()) {
    co_await session->close();
    co_return ready;
  }
  co_return std::unique_ptr<ClientSession>(std::move(session));
}

}  // namespace coxswain::streaming
