#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "apiserver/registry/resources.h"

namespace coxswain::apiserver {

// How the folders fill the table of resources.h: each group's rows are in its resources.cc.

inline constexpr std::string_view kAllVerbs[] = {"create", "delete", "deletecollection", "get",
                                                 "list",   "patch",  "update",           "watch"};
inline constexpr std::string_view kReadAndWrite[] = {"get", "patch", "update"};
inline constexpr std::string_view kProxied[] = {"create", "delete", "get", "patch", "update"};
inline constexpr std::string_view kCreateOrGet[] = {"create", "get"};
inline constexpr std::string_view kCreateOnly[] = {"create"};

inline constexpr Subresource kScale = {"scale", "autoscaling", "v1", "Scale", kReadAndWrite};

/// A resource but for what its type says of itself. All text is literal.
struct ResourceRow {
  std::string_view plural;
  std::string_view singular;
  std::string_view shortName = {};  ///< empty: none
  std::string_view category = {};   ///< empty: none
  bool namespaced = true;
  std::string_view keyPrefix;
  std::string_view storageVersionHash = {};
  std::span<const std::string_view> verbs = kAllVerbs;
  std::vector<Subresource> subresources = {};
  bool status = false;  ///< served below it, as the same kind
  std::string_view deprecation = {};
};

/// Owns the rows and all they refer to.
class ResourceTable {
 public:
  /// The reference holds until the next call.
  template <typename T, typename List>
  Resource& add(ResourceRow row, std::unique_ptr<Strategy> strategy) {
    return add(T::info(), List::info(), std::move(row), std::move(strategy));
  }
  /// For strategies of subresources.
  const Strategy* keep(std::unique_ptr<Strategy> strategy);
  /// By group, version and plural.
  void sort();
  [[nodiscard]] const std::vector<Resource>& rows() const { return rows_; }

 private:
  Resource& add(const api::MessageInfo& info, const api::MessageInfo& listInfo, ResourceRow row,
                std::unique_ptr<Strategy> strategy);
  std::span<const std::string_view> keepName(std::string_view name);

  std::vector<Resource> rows_;
  // What they refer to stays where it is.
  std::deque<std::string_view> names_;
  std::deque<std::vector<Subresource>> subresources_;
  std::deque<std::unique_ptr<Strategy>> strategies_;
};

/// `row` is another look at objects that are kept as Stored.
template <auto toStored, auto fromStored, typename Served, typename Stored>
void storeAs(Resource& row) {
  row.storageInfo = &Stored::info();
  row.toStorage = [](const void* served, void* stored) {
    *static_cast<Stored*>(stored) = toStored(*static_cast<const Served*>(served));
  };
  row.fromStorage = [](const void* stored, void* served) {
    *static_cast<Served*>(served) = fromStored(*static_cast<const Stored*>(stored));
  };
}

void addApiRegistration(ResourceTable& table);
void addApps(ResourceTable& table);
void addAutoscaling(ResourceTable& table);
void addBatch(ResourceTable& table);
void addCertificates(ResourceTable& table);
void addCoordination(ResourceTable& table);
void addCore(ResourceTable& table);
void addDiscovery(ResourceTable& table);
void addEvents(ResourceTable& table);
void addFlowControl(ResourceTable& table);
void addNetworking(ResourceTable& table);
void addNode(ResourceTable& table);
void addPolicy(ResourceTable& table);
void addRbac(ResourceTable& table);
void addResource(ResourceTable& table);
void addScheduling(ResourceTable& table);
void addStorage(ResourceTable& table);

}  // namespace coxswain::apiserver
