#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/object.h"
#include "apiserver/discovery/served_resource.h"
#include "apiserver/generic/request_context.h"
#include "apiserver/server/subresources.h"

namespace coxswain::apiserver {

/// A group version that this server answers in a way of its own: nothing of it is stored, and it
/// gives way to another server that an APIService names for it (metrics). One executor, the
/// server's.
class OwnGroup : public SubresourceHandler {
 public:
  OwnGroup(std::string group, std::string version)
      : group_(std::move(group)), version_(std::move(version)) {}

  [[nodiscard]] const std::string& group() const { return group_; }
  [[nodiscard]] const std::string& version() const { return version_; }

  /// What discovery tells.
  virtual void appendServed(std::vector<ServedResource>& to) const = 0;
  /// Another, higher one whenever that has changed; 0: it never does, and its kinds are in OpenAPI.
  [[nodiscard]] virtual uint64_t edition() const { return 0; }
  /// Somebody asks what there is: it may be looked up anew.
  virtual void refresh() {}

 private:
  std::string group_;
  std::string version_;
};

/// All of them. Fill it before the first request.
class OwnGroups {
 public:
  void add(std::unique_ptr<OwnGroup> group) { groups_.push_back(std::move(group)); }
  /// Null: none is meant. Cheap where there are none.
  [[nodiscard]] OwnGroup* find(const RequestInfo& info) const;
  [[nodiscard]] uint64_t edition() const;
  /// Those that never change.
  void appendFixed(std::vector<ServedResource>& to) const;
  /// The others, but for group versions that `to` has already.
  void appendChanging(std::vector<ServedResource>& to) const;
  void refresh() const;
  [[nodiscard]] const std::vector<std::unique_ptr<OwnGroup>>& all() const { return groups_; }

 private:
  std::vector<std::unique_ptr<OwnGroup>> groups_;
};

/// Answers with an object, or with a list of objects (`kind` says which of both it is), in the form
/// that the client wants: JSON, YAML or protobuf, whole or as a Table.
Task<Status> answerOwn(Exchange& exchange, api::ConstObject object, std::string apiVersion,
                       std::string kind);

/// Verb get or list, else MethodNotAllowed.
Status checkReads(const RequestInfo& info);

}  // namespace coxswain::apiserver
