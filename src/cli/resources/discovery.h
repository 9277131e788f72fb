#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "client/http/rest_client.h"
#include "runtime/task.h"

namespace coxswain::cli {

/// A collection the server has.
struct ApiResource {
  std::string group;  ///< empty: core
  std::string version;
  std::string plural;
  std::string singular;
  std::string kind;
  bool namespaced = false;
  std::vector<std::string> verbs;
  std::vector<std::string> shortNames;
  std::vector<std::string> categories;
  std::vector<std::string> subresources;

  /// "v1", "apps/v1".
  [[nodiscard]] std::string apiVersion() const;
  /// "pods", "deployments.apps".
  [[nodiscard]] std::string qualified() const;
  /// "pod", "deployment.apps": what stands before "/name" in output.
  [[nodiscard]] std::string typeName() const;
  [[nodiscard]] bool can(std::string_view verb) const;
  [[nodiscard]] bool hasSubresource(std::string_view name) const;
  /// "/api/v1/namespaces/NS/pods/NAME/SUB"; `ns` is left out for cluster-scoped ones.
  [[nodiscard]] std::string path(const std::string& ns, const std::string& name = "",
                                 const std::string& subresource = "") const;
};

/// What a server has, in its order: core first, of each group the preferred version first.
struct Discovery {
  std::vector<ApiResource> resources;
  /// "v1", "apps/v1", ... also those without resources.
  std::vector<std::string> groupVersions;
  /// Groups that could not be asked: "metrics.k8s.io/v1beta1: the server is ...".
  std::vector<std::string> failures;
};

/// By aggregated discovery (two requests), or group by group from servers without it. Groups that
/// fail are left out and named in `failures`.
Task<Result<Discovery>> discover(client::RestClient& rest);

}  // namespace coxswain::cli
