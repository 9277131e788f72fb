#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "client/http/rest_client.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::cmd {

/// A service that reviews are posted to, as a kubeconfig names it: its cluster is the service, its
/// user is us. One reactor; close() before the reactor stops.
class WebhookCall {
 public:
  /// BadRequest where the file cannot be used, with its name.
  static Result<std::unique_ptr<WebhookCall>> create(Reactor& reactor, const std::string& file);

  /// Posts a JSON body and gives the answer's. Unreachable without an answer within 30 s.
  Task<Result<std::string>> post(std::string body, std::stop_token stop);
  /// The same, for who knows no class; it must outlive that.
  std::function<Task<Result<std::string>>(std::string body, std::stop_token stop)> function();
  Task<void> close();

 private:
  explicit WebhookCall(std::unique_ptr<client::RestClient> rest) : rest_(std::move(rest)) {}
  std::unique_ptr<client::RestClient> rest_;
};

}  // namespace coxswain::cmd
