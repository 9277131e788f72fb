#include "apiserver/local/memory_response.h"

#include "client/http/rest_client.h"

namespace coxswain::apiserver {
namespace {

constexpr size_t kBytesMax = 64U << 20;

}  // namespace

Task<Status> MemoryResponse::start(int status, net::Headers headers) {
  code_ = status;
  contentType_ = headers.get("Content-Type");
  co_return Status();
}

Task<Status> MemoryResponse::write(std::string_view data) {
  if (body_.size() + data.size() > kBytesMax) {
    co_return requestEntityTooLarge("an answer of more than 64 MiB");
  }
  body_.append(data);
  co_return Status();
}

Task<Status> MemoryResponse::end(net::Headers) {
  co_return Status();
}

Task<Status> MemoryResponse::respond(int status, net::Headers headers, std::string body) {
  CO_TRY_STATUS(co_await start(status, std::move(headers)));
  co_return co_await write(body);
}

Task<Result<std::unique_ptr<net::Stream>>> MemoryResponse::upgrade(net::Headers) {
  co_return badRequest("there is no connection to be upgraded");
}

Result<std::string> MemoryResponse::result() && {
  if (code_ < 400) return std::move(body_);
  return client::statusOfAnswer(code_, "GET", contentType_, body_, 0);
}

}  // namespace coxswain::apiserver
