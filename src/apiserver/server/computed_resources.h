#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "api/reflect/object.h"
#include "runtime/task.h"

namespace coxswain::apiserver {

/// Objects that are not stored but found out when somebody asks for them (componentstatuses).
class ObjectSource {
 public:
  virtual ~ObjectSource() = default;
  /// All there are, by name.
  virtual Task<std::vector<api::ConstObject>> objects(std::stop_token stop) = 0;
};

/// Who answers get and list of which collection; the verbs are those of its row in the table of
/// resources.
class ComputedResources {
 public:
  /// `resource` "componentstatuses".
  void add(std::string_view resource, std::unique_ptr<ObjectSource> source) {
    sources_[std::string(resource)] = std::move(source);
  }
  /// Null: it is stored.
  [[nodiscard]] ObjectSource* find(std::string_view resource) const {
    if (sources_.empty()) return nullptr;
    auto found = sources_.find(resource);
    return found == sources_.end() ? nullptr : found->second.get();
  }

 private:
  std::map<std::string, std::unique_ptr<ObjectSource>, std::less<>> sources_;
};

}  // namespace coxswain::apiserver
