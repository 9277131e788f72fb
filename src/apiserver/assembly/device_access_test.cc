// Claims of devices: who may want admin access, who may write which part of a status.

#include "api/gen/core_v1.h"
#include "api/gen/rbac_v1.h"
#include "api/gen/resource_v1.h"
#include "apiserver/assembly/testing/assembly_test_base.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::Namespace;
using api::rbac::v1::ClusterRole;
using api::rbac::v1::ClusterRoleBinding;
using api::resource::v1::ResourceClaim;

class DeviceAccess : public AssemblyTestBase {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(begin());
    grant("status", {"get", "update", "patch"}, {"resourceclaims", "resourceclaims/status"});
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
    ASSERT_TRUE(create(role).ok());
    ClusterRoleBinding binding;
    binding.metadata.name = name;
    binding.roleRef.apiGroup = "rbac.authorization.k8s.io";
    binding.roleRef.kind = "ClusterRole";
    binding.roleRef.name = name;
    auto& subject = binding.subjects.emplace_back();
    subject.kind = "User";
    subject.apiGroup = "rbac.authorization.k8s.io";
    subject.name = "driver";
    ASSERT_TRUE(create(binding).ok());
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
    auto found = get<ResourceClaim>("default", "c");
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
};

TEST_F(DeviceAccess, AdminAccessNeedsALabelOfTheNamespace) {
  auto refused = create(claim(true));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().message(),
            "ResourceClaim.resource.k8s.io \"c\" is invalid: "
            "spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires "
            "the `resource.kubernetes.io/admin-access: true` label on the containing namespace");
  auto ns = get<Namespace>("", "default");
  ASSERT_TRUE(ns.ok());
  Namespace labeled = **ns;
  labeled.metadata.labels["resource.kubernetes.io/admin-access"] = "true";
  ASSERT_TRUE(run(client::update(*admin_, std::move(labeled))).ok());
  EXPECT_TRUE(create(claim(true)).ok());
}

TEST_F(DeviceAccess, AllocationNeedsBinding) {
  ASSERT_TRUE(create(claim(false)).ok());
  auto next = stored();
  allocate(next);
  const auto refused = write(as("driver"), next);
  EXPECT_EQ(refused.code(), 422);
  EXPECT_NE(refused.message().find("changing status.allocation or status.reservedFor requires "
                                   "resource=\"resourceclaims/binding\", verb=\"update\""),
            std::string::npos)
      << refused.message();
  grant("binding", {"update"}, {"resourceclaims/binding"});
  const auto written = write(as("driver"), next);
  EXPECT_TRUE(written.ok()) << written.message();
  EXPECT_TRUE(stored().status.allocation);
}

TEST_F(DeviceAccess, DevicesNeedTheirDriver) {
  ASSERT_TRUE(create(claim(false)).ok());
  auto next = stored();
  allocate(next);
  ASSERT_TRUE(write(*admin_, next).ok());
  next = stored();
  tell(next);
  grant("other", {"arbitrary-node:update"}, {"resourceclaims/driver"}, {"other.example"});
  const auto refused = write(as("driver"), next);
  EXPECT_EQ(refused.code(), 422);
  EXPECT_NE(refused.message().find("changing status.devices requires "
                                   "resource=\"resourceclaims/driver\", "
                                   "verb=\"[arbitrary-node:update]\""),
            std::string::npos)
      << refused.message();
  grant("own", {"arbitrary-node:update"}, {"resourceclaims/driver"}, {"d.example"});
  const auto written = write(as("driver"), next);
  EXPECT_TRUE(written.ok()) << written.message();
  EXPECT_EQ(stored().status.devices.size(), 1U);
}

}  // namespace
}  // namespace coxswain::apiserver
