#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/object.h"
#include "apiserver/generic/request_context.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/subresources.h"
#include "base/result.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// What a POST below an object does with its decoded body: pods/binding, pods/eviction,
/// serviceaccounts/token. Called by the HTTP server and by clients of this process alike; runs on
/// the server's executor. Authorization is done, admission is the poster's to call.
class ObjectPoster {
 public:
  virtual ~ObjectPoster() = default;
  /// The kinds that the body may be; the first is the preferred one.
  [[nodiscard]] virtual std::vector<BodyKind> bodies() const = 0;
  /// The answer. `context` has registry, info and dryRun.
  virtual Task<Result<api::ConstObject>> post(RequestContext& context, api::Object body) = 0;
};

/// A poster over HTTP.
class PostHandler final : public SubresourceHandler {
 public:
  explicit PostHandler(std::unique_ptr<ObjectPoster> poster) : poster_(std::move(poster)) {}
  Task<Status> serve(Exchange& exchange) override;
  [[nodiscard]] ObjectPoster& poster() const { return *poster_; }

 private:
  std::unique_ptr<ObjectPoster> poster_;
};

/// {"kind":"Status","status":"Success","code":201}: what bindings and evictions answer.
api::ConstObject successStatus(int code);

/// The name on the URL and that of the body, `kind` as texts name it. An empty one takes the other.
Status matchNames(const RequestContext& context, api::Object& body, std::string_view kind);

}  // namespace coxswain::apiserver
