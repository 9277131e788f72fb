#pragma once

#include <string>
#include <utility>

#include "net/http.h"

namespace coxswain::net {

/// The body of a request that does not come from a socket: all of it is there already.
class TextBody final : public BodyReader {
 public:
  explicit TextBody(std::string text = {}) : text_(std::move(text)) {}
  Task<Result<std::string>> read(std::stop_token) override {
    co_return std::exchange(text_, std::string());
  }
  [[nodiscard]] const Headers& trailers() const override { return trailers_; }

 private:
  std::string text_;
  Headers trailers_;
};

}  // namespace coxswain::net
