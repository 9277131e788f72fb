#pragma once

#include <string>

#include "base/result.h"
#include "net/http.h"

namespace coxswain::apiserver {

/// An answer that stays in memory, for requests within this process. At most 64 MiB.
class MemoryResponse final : public net::ResponseWriter {
 public:
  Task<Status> start(int status, net::Headers headers) override;
  Task<Status> write(std::string_view data) override;
  Task<Status> end(net::Headers trailers) override;
  using net::ResponseWriter::end;
  Task<Status> respond(int status, net::Headers headers, std::string body) override;
  Task<Result<std::unique_ptr<net::Stream>>> upgrade(net::Headers headers) override;
  [[nodiscard]] bool started() const override { return code_ != 0; }
  /// Nothing lasts here: it is over at once.
  void goOnWith(std::shared_ptr<net::LastingAnswer> rest) override { rest->ended(); }

  /// The body; the failure that an answer of 400 and more means.
  Result<std::string> result() &&;

 private:
  int code_ = 0;
  std::string contentType_;
  std::string body_;
};

}  // namespace coxswain::apiserver
