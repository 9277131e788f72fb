// Claims of devices: who may want admin access, who may write which part of a status.
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/resource_v1.h"
#include "apiserver/assembly/assembly.h"
#include "client/resources.h"
#include "net/certs.h"
#include "runtime/sim/sim_executor.h"
#include "runtime/spawn.h"
#include "storage/memory/memory_store.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Namespace;
using api::rbac::v1::ClusterRole;
using api::rbac::v1::ClusterRoleBinding;
using api::resource::v1::ResourceClaim;

template <typename T>
Task<void> into(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await std::move(task));
}
Task<void> markDone(Task<void> task, bool& done) {
  co_await std::move(task);
  done = true;
}

class DeviceAccess : public testing::Test {
 protected:
  void SetUp() override {
    AssemblyOptions options;
    options.advertiseAddress = "192.0.2.10";
    options.tokens.issuer = "https://kubernetes.default.svc";
    options.tokens.signingKeyPem = *net::createKeyPem();
    auto made = Assembly::create(executor_, *store_, random_, std::move(options));
    ASSERT_TRUE(made.ok()) << made.status().toString();
    assembly_ = std::move(*made);
    Status started = run(assembly_->start());
    ASSERT_TRUE(started.ok()) << started.toString();
    admin_ = assembly_->client("admin", {"system:masters"});
    driver_ = assembly_->client("driver", {});
    grant("status", {"get", "update", "patch"}, {"resourceclaims", "resourceclaims/status"});
  }
  void TearDown() override {
    if (!assembly_) return;
    bool done = false;
    spawn(executor_, markDone(assembly_->stop(), done));
    EXPECT_TRUE(executor_.runUntil([&done] { return done; }, 1h));
    executor_.runUntilIdle();
    driver_.reset();
    admin_.reset();
    assembly_.reset();
  }
  template <typename T>
  T run(Task<T> task) {
    std::optional<T> out;
    spawn(executor_, into(std::move(task), out));
    EXPECT_TRUE(executor_.runUntil([&out] { return out.has_value(); }, 1h));
    return std::move(*out);
  }

  void grant(std::string name, std::vector<std::string> verbs, std::vector<std::string> resources,
             std::vector<std::string> names = {}) {
    ClusterRole role;
    role.metadata.name = name;
    auto& rule = role.rules.emplace_back();
    rule.verbs = std::move(verbs);
    rule.apiGroups = {"resource.k8s.io"};
    rule.resources = std::move(resources);
    rule.resourceNames = std::move(names);
    ASSERT_TRUE(run(client::create(*admin_, role)).ok());
    ClusterRoleBinding binding;
    binding.metadata.name = name;
    binding.roleRef.apiGroup = "rbac.authorization.k8s.io";
    binding.roleRef.kind = "ClusterRole";
    binding.roleRef.name = name;
    auto& subject = binding.subjects.emplace_back();
    subject.kind = "User";
    subject.apiGroup = "rbac.authorization.k8s.io";
    subject.name = "driver";
    ASSERT_TRUE(run(client::create(*admin_, binding)).ok());
  }

  static ResourceClaim claim(bool admin) {
    ResourceClaim made;
    made.metadata.name = "c";
    made.metadata.namespace_ = "default";
    auto& request = made.spec.devices.requests.emplace_back();
    request.name = "r";
    request.exactly.emplace().deviceClassName = "class.example";
    if (admin) request.exactly->adminAccess = true;
    return made;
  }
  ResourceClaim stored() {
    auto found = run(client::get<ResourceClaim>(*admin_, "default", "c"));
    EXPECT_TRUE(found.ok());
    return **found;
  }
  static void allocate(ResourceClaim& object) {
    auto& result = object.status.allocation.emplace().devices.results.emplace_back();
    result.request = "r";
    result.driver = "d.example";
    result.pool = "p";
    result.device = "dev";
  }
  static void tell(ResourceClaim& object) {
    auto& device = object.status.devices.emplace_back();
    device.driver = "d.example";
    device.pool = "p";
    device.device = "dev";
  }
  Status write(client::Client& client, ResourceClaim object) {
    return run(client::update(client, std::move(object), "status")).status();
  }

  sim::SimExecutor executor_{1};
  SeededRandom random_{1};
  std::unique_ptr<storage::Store> store_ = storage::makeMemoryStore({});
  std::unique_ptr<Assembly> assembly_;
  std::unique_ptr<client::Client> admin_;
  std::unique_ptr<client::Client> driver_;
};

TEST_F(DeviceAccess, AdminAccessNeedsALabelOfTheNamespace) {
  auto refused = run(client::create(*admin_, claim(true)));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().message(),
            "ResourceClaim.resource.k8s.io \"c\" is invalid: "
            "spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires "
            "the `resource.kubernetes.io/admin-access: true` label on the containing namespace");
  auto ns = run(client::get<Namespace>(*admin_, "", "default"));
  ASSERT_TRUE(ns.ok());
  Namespace labeled = **ns;
  labeled.metadata.labels["resource.kubernetes.io/admin-access"] = "true";
  ASSERT_TRUE(run(client::update(*admin_, std::move(labeled))).ok());
  EXPECT_TRUE(run(client::create(*admin_, claim(true))).ok());
}

TEST_F(DeviceAccess, AllocationNeedsBinding) {
  ASSERT_TRUE(run(client::create(*admin_, claim(false))).ok());
  auto next = stored();
  allocate(next);
  const auto refused = write(*driver_, next);
  EXPECT_EQ(refused.code(), 422);
  EXPECT_NE(refused.message().find("changing status.allocation or status.reservedFor requires "
                                   "resource=\"resourceclaims/binding\", verb=\"update\""),
            std::string::npos)
      << refused.message();
  grant("binding", {"update"}, {"resourceclaims/binding"});
  const auto written = write(*driver_, next);
  EXPECT_TRUE(written.ok()) << written.message();
  EXPECT_TRUE(stored().status.allocation);
}

TEST_F(DeviceAccess, DevicesNeedTheirDriver) {
  ASSERT_TRUE(run(client::create(*admin_, claim(false))).ok());
  auto next = stored();
  allocate(next);
  ASSERT_TRUE(write(*admin_, next).ok());
  next = stored();
  tell(next);
  grant("other", {"arbitrary-node:update"}, {"resourceclaims/driver"}, {"other.example"});
  const auto refused = write(*driver_, next);
  EXPECT_EQ(refused.code(), 422);
  EXPECT_NE(refused.message().find("changing status.devices requires "
                                   "resource=\"resourceclaims/driver\", "
                                   "verb=\"[arbitrary-node:update]\""),
            std::string::npos)
      << refused.message();
  grant("own", {"arbitrary-node:update"}, {"resourceclaims/driver"}, {"d.example"});
  const auto written = write(*driver_, next);
  EXPECT_TRUE(written.ok()) << written.message();
  EXPECT_EQ(stored().status.devices.size(), 1U);
}

}  // namespace
}  // namespace coxswain::apiserver
