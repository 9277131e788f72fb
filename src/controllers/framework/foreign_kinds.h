#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/informer.h"

namespace coxswain::controllers {

/// A kind of which this program has no schema: of an aggregated server, or a custom resource. Its
/// objects are read as PartialObjectMetadata. Stays where it is: `type` points into it.
struct ForeignKind {
  ForeignKind() = default;
  ForeignKind(const ForeignKind&) = delete;
  ForeignKind& operator=(const ForeignKind&) = delete;

  std::string group;
  std::string version;
  std::string plural;
  std::string kind;
  std::vector<std::string> verbs;
  client::ResourceType type;

  [[nodiscard]] bool can(std::string_view verb) const;
};

/// What is served in groups that are not in client/resource_table.h.
struct ForeignKinds {
  std::vector<std::shared_ptr<const ForeignKind>> kinds;
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

}  // namespace coxswain::controllers
