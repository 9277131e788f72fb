#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/discovery/served_resource.h"
#include "apiserver/server/subresources.h"

namespace coxswain::apiserver {

/// Group versions that other servers serve, behind this one. On the server's executor.
class ForeignGroups {
 public:
  virtual ~ForeignGroups() = default;
  /// Who answers a request that may be made, by its path as it was sent: below /apis/GROUP/VERSION
  /// or /openapi/v3/apis/GROUP/VERSION of theirs. Null: it is this server's. Cheap.
  [[nodiscard]] virtual SubresourceHandler* find(std::string_view path) = 0;
  /// Another one whenever what follows has changed.
  [[nodiscard]] virtual uint64_t edition() const = 0;
  /// What discovery tells of them, with priorities.
  virtual void appendServed(std::vector<ServedResource>& to) const = 0;
  /// Their documents of OpenAPI v3: path ("apis/g/v") and URL.
  virtual void appendOpenApi(std::vector<std::pair<std::string, std::string>>& to) const = 0;
};

}  // namespace coxswain::apiserver
