#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

struct Exchange;

/// Serves what lies below an object and is not the object itself: pods/log, pods/exec,
/// pods/binding, serviceaccounts/token... Called for every verb that the resource table lists for
/// the subresource, after authentication and authorization; `exchange.resource`, `registry` and
/// `info` are filled in, the object is not read and the body not consumed. Admission is the
/// handler's to call. A failure becomes the answer if nothing was sent.
class SubresourceHandler {
 public:
  virtual ~SubresourceHandler() = default;
  virtual Task<Status> serve(Exchange& exchange) = 0;
};

/// "resource/subresource" -> handler. Only what is here is served, and told of by discovery,
/// besides status, scale and what else the server does itself.
class Subresources {
 public:
  /// `resource` "pods" or "deployments.apps"; `subresource` "log".
  void add(std::string_view resource, std::string_view subresource,
           std::unique_ptr<SubresourceHandler> handler) {
    handlers_[key(resource, subresource)] = std::move(handler);
  }
  /// Null: none.
  [[nodiscard]] SubresourceHandler* find(std::string_view resource,
                                         std::string_view subresource) const {
    auto found = handlers_.find(key(resource, subresource));
    return found == handlers_.end() ? nullptr : found->second.get();
  }

 private:
  static std::string key(std::string_view resource, std::string_view subresource) {
    return std::string(resource) + "/" + std::string(subresource);
  }
  std::map<std::string, std::unique_ptr<SubresourceHandler>> handlers_;
};

}  // namespace coxswain::apiserver
