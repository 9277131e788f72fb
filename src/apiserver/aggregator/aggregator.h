#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "apiserver/aggregator/aggregated_version.h"
#include "apiserver/server/foreign_groups.h"
#include "client/informer.h"

namespace coxswain::apiserver {

/// Follows the APIServices of the cluster: those with a service are checked, told of by discovery,
/// and requests for their group versions go on to them. What this server serves itself it never
/// gives away, whatever an APIService says. One executor, the server's.
/// Upstream: staging/src/k8s.io/kube-aggregator.
class Aggregator final : public ForeignGroups, public SubresourceHandler {
 public:
  /// References outlive it; `client` is of system:masters; `remotes` null: no network. `served`:
  /// what this server serves.
  Aggregator(Executor& executor, client::Client& client, RemoteServers* remotes,
             std::span<const ServedResource> served);

  void start();
  /// Always, once started.
  Task<void> stop();

  SubresourceHandler* find(std::string_view path) override;
  [[nodiscard]] uint64_t edition() const override { return edition_; }
  void appendServed(std::vector<ServedResource>& to) const override;
  void appendOpenApi(std::vector<std::pair<std::string, std::string>>& to) const override;
  /// Passes a request on. 503 as text where that server is not there.
  Task<Status> serve(Exchange& exchange) override;

 private:
  using APIService = api::apiregistration::v1::APIService;
  using Version = std::shared_ptr<AggregatedVersion>;

  void onChange(const client::Change& change);
  void add(std::shared_ptr<const APIService> object);
  void drop(const std::string& name);
  [[nodiscard]] Version lookUp(std::string_view path) const;
  [[nodiscard]] bool isOurs(const APIService& object) const;
  Task<void> runInformer(Gate::Pass pass);
  Task<void> tellLocal(std::shared_ptr<const APIService> object, Gate::Pass pass);

  Executor& executor_;
  client::Client& client_;
  RemoteServers* remotes_;
  std::set<std::string, std::less<>> ours_;  ///< "apps/v1"
  client::Informer informer_;
  std::map<std::string, Version> versions_;  ///< by name of the APIService
  std::map<std::string, Version, std::less<>>
      routes_;  ///< those that are not ours, "GROUP/VERSION"
  uint64_t edition_ = 1;
  std::stop_source stop_;
  Gate gate_;
};

}  // namespace coxswain::apiserver
