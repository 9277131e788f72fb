#pragma once

#include <memory>
#include <string>
#include <type_traits>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/storage_v1.h"
#include "apiserver/assembly/testing/assembly_test_base.h"

namespace coxswain::apiserver {

/// An API server with admission as the test wants it, and writes of JSON by its administrator, in
/// namespace default if they say nothing else.
class AdmissionCluster : public AssemblyTestBase {
 protected:
  void begin(AdmissionOptions admission = {}) {
    AssemblyOptions options;
    options.admission = std::move(admission);
    ASSERT_NO_FATAL_FAILURE(AssemblyTestBase::begin(std::move(options)));
    ASSERT_EQ(make<api::core::v1::ServiceAccount>(R"({"metadata":{"name":"default"}})"), "");
  }

  template <typename T>
  static T parse(const std::string& json) {
    auto object = api::decodeJson<T>(json);
    EXPECT_TRUE(object.ok()) << object.status().message() << json;
    T out = object.ok() ? *object : T();
    constexpr bool kCluster = std::is_same_v<T, api::core::v1::Namespace> ||
                              std::is_same_v<T, api::core::v1::Node> ||
                              std::is_same_v<T, api::storage::v1::StorageClass> ||
                              std::is_same_v<T, api::rbac::v1::ClusterRole> ||
                              std::is_same_v<T, api::rbac::v1::ClusterRoleBinding>;
    if (!kCluster && out.metadata.namespace_.empty()) out.metadata.namespace_ = "default";
    return out;
  }
  /// Empty: it was created; else what the refusal says.
  template <typename T>
  std::string make(const std::string& json) {
    auto made = create(parse<T>(json));
    return made.ok() ? "" : made.status().message();
  }
  template <typename T>
  std::shared_ptr<const T> get(const std::string& name, const std::string& ns = "default") {
    auto found = AssemblyTestBase::get<T>(ns, name);
    EXPECT_TRUE(found.ok()) << name;
    return found.ok() ? *found : nullptr;
  }
  template <typename T>
  std::string put(T object, std::string subresource = "") {
    auto written = run(client::update(*admin_, std::move(object), std::move(subresource)));
    return written.ok() ? "" : written.status().message();
  }

  static std::string pod(const std::string& name, const std::string& rest = "") {
    return R"({"metadata":{"name":")" + name +
           R"("},"spec":{"containers":[{"name":"c","image":"i")" + rest + "}]}}";
  }
};

}  // namespace coxswain::apiserver
