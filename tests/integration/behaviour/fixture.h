#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "api/gen/apps_v1.h"
#include "api/gen/batch_v1.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "behaviour/cluster.h"
#include "client/resources.h"

namespace coxswain::behaviour {

/// Tests of how controllers behave, each in a namespace of its own, each on both kinds of cluster.
/// All tests of a kind share one cluster.
class Behaviour : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override;
  void TearDown() override;

  Cluster& cluster() { return *cluster_; }
  /// Of this test; it has its service account.
  [[nodiscard]] const std::string& ns() const { return ns_; }

  /// An object of this test's namespace (or of none) with a name.
  template <typename T>
  T named(const std::string& name) const {
    T object;
    object.metadata.name = name;
    object.metadata.namespace_ = client::resourceOf<T>().namespaced ? ns_ : "";
    return object;
  }
  template <typename T>
  std::shared_ptr<const T> create(T object) {
    auto made = cluster().get(client::create(cluster().client(), std::move(object)));
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? *made : nullptr;
  }
  /// Again after conflicts.
  template <typename T>
  void change(const std::string& name, const std::function<void(T&)>& edit) {
    for (int i = 0; i < 100; ++i) {
      auto now = cluster().get(client::get<T>(cluster().client(), spaceOf<T>(), name));
      ASSERT_TRUE(now.ok()) << now.status().message();
      T next = **now;
      edit(next);
      auto written = cluster().get(client::update(cluster().client(), std::move(next)));
      if (isConflict(written.status())) continue;
      ASSERT_TRUE(written.ok()) << written.status().message();
      return;
    }
    FAIL() << "conflicts for ever";
  }
  template <typename T>
  void remove(const std::string& name, const std::string& policy = "Background") {
    client::DeleteOptions options;
    options.propagationPolicy = policy;
    const Status removed = cluster().get(cluster().client().remove(
        client::resourceOf<T>(), spaceOf<T>(), name, std::move(options), std::stop_token()));
    EXPECT_TRUE(removed.ok()) << removed.message();
  }

  /// What the cache has, which follows the cluster while somebody waits.
  template <typename T>
  std::shared_ptr<const T> peek(const std::string& name) {
    return informer<T>().template get<T>(client::resourceOf<T>().namespaced ? ns_ + "/" + name
                                                                            : name);
  }
  template <typename T>
  std::vector<std::shared_ptr<const T>> all() {
    std::vector<std::shared_ptr<const T>> found;
    informer<T>().forEach([&](const api::ConstObject& object) {
      if (api::objectMeta(object)->namespace_ == ns_)
        found.push_back(object.template sharedAs<T>());
    });
    return found;
  }
  /// How many the server has now: caches of several kinds do not tell in which order things went.
  template <typename T>
  size_t stored(const std::string& labels) {
    client::ListOptions options;
    options.labelSelector = labels;
    auto list = cluster().get(cluster().client().list(client::resourceOf<T>(), spaceOf<T>(),
                                                      std::move(options), std::stop_token()));
    EXPECT_TRUE(list.ok()) << list.status().message();
    return list.ok() ? list->items.size() : 0;
  }
  [[nodiscard]] bool until(const std::function<bool()>& condition) {
    return cluster().until(condition);
  }

  /// Pods of label app=`app` that are ready and stay; with this image, if it is not empty.
  size_t ready(const std::string& app, const std::string& image = "");
  size_t pods(const std::string& app);

  void fillTemplate(api::core::v1::PodTemplateSpec& into, const std::string& app);
  api::apps::v1::Deployment makeDeployment(const std::string& name, int32_t replicas);
  api::batch::v1::Job makeJob(const std::string& name, int32_t completions, int32_t parallelism);

 private:
  /// Filled since SetUp, for conditions may not wait.
  template <typename T>
  client::Informer& informer() {
    auto& made = cluster().informers().of<T>();
    EXPECT_TRUE(made.synced()) << "SetUp does not name " << client::resourceOf<T>().plural;
    return made;
  }
  void follow();
  template <typename T>
  std::string spaceOf() const {
    return client::resourceOf<T>().namespaced ? ns_ : "";
  }

  Cluster* cluster_ = nullptr;
  std::string ns_;
};

#define BEHAVIOUR_EVENTUALLY(...) ASSERT_TRUE(until([&] { return __VA_ARGS__; }))

}  // namespace coxswain::behaviour
