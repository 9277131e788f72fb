#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/apiregistration_v1.h"
#include "apiserver/aggregator/remote_servers.h"
#include "apiserver/discovery/served_resource.h"
#include "client/client.h"
#include "runtime/executor.h"
#include "runtime/sync.h"

namespace coxswain::apiserver {

/// One APIService whose group version another server serves: is it there, and what does it tell of
/// itself? Looked at when its service or endpoints change, and each 30 s; condition Available is
/// kept accordingly. A changed spec is another AggregatedVersion. One executor.
/// Upstream: kube-aggregator's remote_available_controller and discovery manager.
class AggregatedVersion : public std::enable_shared_from_this<AggregatedVersion> {
 public:
  using Object = std::shared_ptr<const api::apiregistration::v1::APIService>;
  struct Sources {
    Executor& executor;
    client::Client& client;         ///< of system:masters
    RemoteServers* remotes;         ///< null: there is no network, nothing is ever available
    std::function<void()> changed;  ///< of what others are told by the methods below
  };

  AggregatedVersion(Sources sources, Object object)
      : sources_(std::move(sources)), object_(std::move(object)) {}

  /// Coroutines that hold a pass of `gate` each.
  void start(Gate& gate);
  /// They end soon.
  void stop() { stop_.request_stop(); }
  /// Somebody changed the object, but not its spec.
  void setObject(Object object);

  [[nodiscard]] const api::apiregistration::v1::APIServiceSpec& spec() const {
    return object_->spec;
  }
  [[nodiscard]] bool available() const { return verdict_.status == "True"; }
  /// A client for one of the endpoints, in turns. ServiceUnavailable.
  Result<std::shared_ptr<net::HttpClient>> connection();
  void appendServed(std::vector<ServedResource>& to) const;
  /// Empty: it has no OpenAPI v3.
  [[nodiscard]] const std::string& openApiUrl() const { return openApiUrl_; }

 private:
  /// Condition Available.
  struct Verdict {
    std::string status;
    std::string reason;
    std::string message;
    bool operator==(const Verdict&) const = default;
  };
  using Self = std::shared_ptr<AggregatedVersion>;

  Task<void> run(Self self, Gate::Pass pass);
  Task<void> follow(const client::ResourceType& type, client::WatchOptions options, Self self,
                    Gate::Pass pass);
  Task<Verdict> check(std::stop_token stop);
  Task<Status> discover(std::string endpoint, std::stop_token stop);
  Task<void> readOpenApi(std::shared_ptr<net::HttpClient> client, std::stop_token stop);
  Task<Status> writeVerdict(std::stop_token stop);
  [[nodiscard]] bool isTold(const Verdict& verdict) const;

  Sources sources_;
  Object object_;
  Verdict verdict_;
  std::vector<std::string> endpoints_;
  size_t turn_ = 0;
  std::string discoveryText_;
  std::vector<ServedResource> resources_;
  std::string openApiUrl_;
  Event wake_;
  std::stop_source stop_;
};

}  // namespace coxswain::apiserver
