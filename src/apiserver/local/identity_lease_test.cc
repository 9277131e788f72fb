#include "apiserver/local/identity_lease.h"

#include <gtest/gtest.h>

#include "api/gen/coordination_v1.h"
#include "api/gen/meta_v1.h"
#include "client/testing/fake_client.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::coordination::v1::Lease;

TEST(IdentityLease, NamesDependOnTheHostAlone) {
  // Checked with sha256sum and base32.
  EXPECT_EQ(identityLeaseName("node-1"), "apiserver-gwlrxzxjxmbevckvql7a4qxaja");
  EXPECT_NE(identityLeaseName("node-2"), identityLeaseName("node-1"));
}

Task<void> endLease(IdentityLease& lease, bool& done) {
  co_await lease.stop();
  done = true;
}

TEST(IdentityLease, IsMadeAndRenewed) {
  sim::SimExecutor executor(1);
  SeededRandom random(1);
  client::testing::FakeClient client(executor);
  IdentityLease lease(client, executor, random, "node-1");
  lease.keep();
  executor.runFor(1min);
  auto made = client.peek<Lease>("kube-system", identityLeaseName("node-1"));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->spec.leaseDurationSeconds, 3600);
  EXPECT_EQ(*made->metadata.labels.get("kubernetes.io/hostname"), "node-1");
  executor.runFor(10min);
  auto renewed = client.peek<Lease>("kube-system", identityLeaseName("node-1"));
  EXPECT_GT(*renewed->spec.renewTime, *made->spec.renewTime);
  EXPECT_EQ(renewed->spec.holderIdentity, made->spec.holderIdentity);
  bool done = false;
  spawn(executor, endLease(lease, done));
  executor.runFor(1min);
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace coxswain::apiserver
