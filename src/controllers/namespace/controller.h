#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controllers/framework/controller.h"
#include "controllers/namespace/conditions.h"

namespace coxswain::controllers::nspace {

/// Empties a namespace that is being deleted, pods first, and then lets it go: of the kinds of
/// client/resource_table.h and of those that others serve (framework/foreign_kinds.h). While some
/// cannot be found out the namespace stays.
/// Upstream: pkg/controller/namespace/deletion/namespaced_resources_deleter.go.
class NamespaceController final : public Controller {
 public:
  explicit NamespaceController(const Context& context, int workers = 10);

 protected:
  Task<Result<Duration>> reconcile(std::string key, std::stop_token stop) override;

 private:
  Task<Result<Remains>> empty(std::string ns, std::stop_token stop);
  Task<Status> emptyCollection(const client::ResourceType& type, std::string ns, Remains& remains,
                               std::stop_token stop);
  Task<void> removeOne(const client::ResourceType& type, api::ConstObject object, Status& outcome,
                       std::stop_token stop);
  Task<Status> finalize(std::string name, std::stop_token stop);

  client::Informer& namespaces_;
  client::Informer& apiServices_;
  std::vector<const client::ResourceType*> kinds_;  ///< pods first
};

}  // namespace coxswain::controllers::nspace
