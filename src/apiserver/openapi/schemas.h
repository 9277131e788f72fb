#pragma once

#include <boost/json/object.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/reflect/info.h"
#include "api/schema/descriptions/descriptions.h"
#include "apiserver/openapi/dialect.h"

namespace coxswain::apiserver::openapi {

inline constexpr std::string_view kVersionInfoModel = "io.k8s.apimachinery.pkg.version.Info";

/// "io.k8s.api.core.v1.Pod"
std::string modelName(const api::MessageInfo& info);

/// Collects models and whatever they refer to. `groupVersions` (group and version) are those of
/// the document: WatchEvent and DeleteOptions belong to each.
class Schemas {
 public:
  Schemas(Dialect dialect, std::vector<std::pair<std::string, std::string>> groupVersions);

  /// By model name; unknown names are left out.
  void add(std::string_view model);
  /// Name -> schema, sorted by name.
  boost::json::object take() { return std::move(schemas_); }

 private:
  boost::json::object refTo(const std::string& model);
  boost::json::object element(const api::FieldInfo& field);
  boost::json::object property(const api::MessageInfo& owner, const api::FieldInfo& field);
  boost::json::object message(const api::MessageInfo& info);
  boost::json::array kinds(const api::MessageInfo& info) const;
  void describe(boost::json::object& out, std::string_view message,
                std::string_view field = {}) const;
  void drain();

  Dialect dialect_;
  api::Descriptions descriptions_ = api::Descriptions::load();
  std::vector<std::pair<std::string, std::string>> groupVersions_;
  std::set<std::string, std::less<>> seen_;
  std::vector<std::string> pending_;
  boost::json::object schemas_;
};

}  // namespace coxswain::apiserver::openapi
