#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/informer.h"
#include "runtime/sync.h"

namespace coxswain::controllers {

/// A kind of which this program has no schema: of an aggregated server, or a custom resource. Its
/// objects are read as PartialObjectMetadata.
struct ForeignKind {
  /// Lives as long as the program, and there is one a collection: caches are shared by it.
  const client::ResourceType* type = nullptr;
  std::string kind;
  std::vector<std::string> verbs;

  [[nodiscard]] bool can(std::string_view verb) const;
};

/// What is served in groups that are not in client/resource_table.h.
struct ForeignKinds {
  std::vector<ForeignKind> kinds;
  /// Group versions that did not answer, and why: "example.com/v1".
  std::map<std::string, std::string> failures;
  /// Other servers have a part in it: what they serve may change unseen.
  bool remote = false;
};

/// Asks each group version of those APIServices what it serves: one small request each, none where
/// there are no such. A kind that several versions of a group have counts once, in the foremost.
/// Nothing where the client reads no paths. Canceled.
Task<Result<ForeignKinds>> findForeignKinds(client::Client& client,
                                            const client::Informer& apiServices,
                                            std::stop_token stop);

/// Keeps looking for them: when an APIService or a CustomResourceDefinition changes (tell it with
/// changed()), and each 30 s while other servers have a part in it or one does not answer. Where
/// there are none, nothing polls. One executor.
class ForeignKindsSearch {
 public:
  ForeignKindsSearch(client::Client& client, const client::Informer& apiServices)
      : client_(client), apiServices_(apiServices) {}

  void changed() { due_.set(); }
  /// Calls `found` after each look, until stopped.
  Task<void> run(std::function<void(ForeignKinds)> found, std::stop_token stop);

 private:
  client::Client& client_;
  const client::Informer& apiServices_;
  Event due_;
};

/// Objects of this collection announce kinds.
bool announcesKinds(const client::ResourceType& type);

}  // namespace coxswain::controllers
