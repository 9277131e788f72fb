#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "controllers/framework/testing/harness.h"
#include "controllers/serviceaccount/controller.h"

namespace coxswain::controllers::serviceaccount {
namespace {

using api::core::v1::ConfigMap;
using api::core::v1::Namespace;
using api::core::v1::ServiceAccount;
using testing::Harness;

TEST(ServiceAccounts, AppearAndComeBack) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Harness h(seed);
    h.client.faults.error = h.client.faults.unreachable = h.client.faults.lostAnswer = 0.1;
    h.add<ServiceAccountController>();
    h.add<RootCaPublisher>("PEM");
    h.start();
    for (const char* name : {"default", "kube-system", "x"}) {
      Namespace space;
      space.metadata.name = name;
      h.client.put(space);
    }
    auto whole = [&h] {
      for (const char* name : {"default", "kube-system", "x"}) {
        auto map = h.client.peek<ConfigMap>(name, "kube-root-ca.crt");
        if (!map || map->data != api::Map<std::string>{{"ca.crt", "PEM"}}) return false;
        if (!h.client.peek<ServiceAccount>(name, "default")) return false;
      }
      return true;
    };
    ASSERT_TRUE(h.until(whole)) << seed;
    (void)h.client.erase<ServiceAccount>("x", "default");
    (void)h.client.erase<ConfigMap>("default", "kube-root-ca.crt");
    h.client.change<ConfigMap>("kube-system", "kube-root-ca.crt",
                               [](ConfigMap& m) { m.data["other"] = "y"; });
    ASSERT_FALSE(whole());
    ASSERT_TRUE(h.until(whole)) << seed;
  }
}

}  // namespace
}  // namespace coxswain::controllers::serviceaccount
