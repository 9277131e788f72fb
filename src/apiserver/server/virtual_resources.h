#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "apiserver/discovery/served_resource.h"
#include "apiserver/generic/request_context.h"
#include "apiserver/server/subresources.h"

namespace coxswain::apiserver {

/// Collections that take POSTs and keep nothing: reviews (who am I, who may), bindings. Discovery
/// tells of them.
class VirtualResources {
 public:
  /// `served.verbs` is create alone.
  void add(ServedResource served, std::unique_ptr<SubresourceHandler> handler) {
    entries_.push_back({std::move(served), std::move(handler)});
  }
  /// Null: no such collection, or the path does not fit it.
  [[nodiscard]] SubresourceHandler* find(const RequestInfo& info) const {
    for (const auto& entry : entries_) {
      const auto& served = entry.served;
      if (served.plural != info.resource || served.group != info.group ||
          served.version != info.version) {
        continue;
      }
      const bool fits =
          info.name.empty() && info.subresource.empty() && served.namespaced != info.ns.empty();
      return fits ? entry.handler.get() : nullptr;
    }
    return nullptr;
  }
  void appendServed(std::vector<ServedResource>& to) const {
    for (const auto& entry : entries_) to.push_back(entry.served);
  }

 private:
  struct Entry {
    ServedResource served;
    std::unique_ptr<SubresourceHandler> handler;
  };
  std::vector<Entry> entries_;
};

}  // namespace coxswain::apiserver
