#include <gtest/gtest.h>

#include <map>
#include <set>

#include "api/gen/core_v1.h"
#include "kubelet/cgroups/cgroupfs_manager.h"
#include "kubelet/cgroups/testing/cgroup_tree.h"

namespace coxswain::kubelet {
namespace {

using api::Quantity;
using api::core::v1::Container;
using api::core::v1::Pod;

Container container(const char* requestCpu, const char* requestMemory, const char* limitCpu,
                    const char* limitMemory) {
  Container c;
  auto put = [](api::Map<Quantity>& list, const char* name, const char* text) {
    if (*text) list[name] = *Quantity::parse(text);
  };
  put(c.resources.requests, "cpu", requestCpu);
  put(c.resources.requests, "memory", requestMemory);
  put(c.resources.limits, "cpu", limitCpu);
  put(c.resources.limits, "memory", limitMemory);
  return c;
}

Pod pod(std::vector<Container> containers) {
  Pod p;
  p.spec.containers = std::move(containers);
  return p;
}

TEST(Resources, Arithmetic) {
  EXPECT_EQ(milliCpuToShares(0), 2U);
  EXPECT_EQ(milliCpuToShares(1), 2U);
  EXPECT_EQ(milliCpuToShares(250), 256U);
  EXPECT_EQ(milliCpuToShares(1000), 1024U);
  EXPECT_EQ(milliCpuToShares(int64_t{1} << 60), 262144U);
  EXPECT_EQ(milliCpuToQuotaUs(0, 100000), 0);
  EXPECT_EQ(milliCpuToQuotaUs(1, 100000), 1000);
  EXPECT_EQ(milliCpuToQuotaUs(1500, 100000), 150000);
  EXPECT_EQ(sharesToWeight(2), 1U);
  EXPECT_EQ(sharesToWeight(1024), 100U);
  EXPECT_EQ(sharesToWeight(262144), 10000U);
  EXPECT_EQ(hugePageFileSize("hugepages-2Mi"), "2MB");
  EXPECT_EQ(hugePageFileSize("hugepages-1Gi"), "1GB");
  EXPECT_EQ(hugePageFileSize("memory"), "");
}

TEST(Resources, OfPodsByClass) {
  PodCgroupOptions options;
  auto guaranteed = podCgroupResources(pod({container("500m", "64Mi", "500m", "64Mi")}), options);
  EXPECT_EQ(guaranteed.cpuShares, 512U);
  EXPECT_EQ(guaranteed.cpuQuotaUs, 50000);
  EXPECT_EQ(guaranteed.cpuPeriodUs, 100000);
  EXPECT_EQ(guaranteed.memoryBytes, 64 << 20);

  auto open = podCgroupResources(
      pod({container("100m", "", "1", "64Mi"), container("", "32Mi", "", "")}), options);
  EXPECT_EQ(open.cpuShares, 102U);
  EXPECT_FALSE(open.cpuQuotaUs) << "one container has no limit";
  EXPECT_FALSE(open.memoryBytes);

  auto best = podCgroupResources(pod({container("", "", "", "")}), options);
  EXPECT_EQ(best.cpuShares, 2U);
  EXPECT_FALSE(best.memoryBytes);

  options.cpuCfsQuota = false;
  options.podPidsLimit = 100;
  auto free = podCgroupResources(pod({container("1", "64Mi", "1", "64Mi")}), options);
  EXPECT_EQ(free.cpuQuotaUs, -1);
  EXPECT_EQ(free.pidsMax, 100);
}

TEST(Resources, OomScores) {
  constexpr int64_t kCapacity = int64_t{1000} << 20;
  auto score = [&](const Pod& p) { return containerOomScore(p, p.spec.containers[0], kCapacity); };
  EXPECT_EQ(score(pod({container("1", "64Mi", "1", "64Mi")})), -997);
  EXPECT_EQ(score(pod({container("", "", "", "")})), 1000);
  EXPECT_EQ(score(pod({container("", "250Mi", "", "")})), 750);
  EXPECT_EQ(score(pod({container("100m", "", "", "")})), 999);
  EXPECT_EQ(score(pod({container("", "2000Mi", "", "")})), 3);
  Pod critical = pod({container("", "", "", "")});
  critical.spec.priority = 2000001000;
  EXPECT_EQ(score(critical), -997);
}

TEST(Layout, FindsVersions) {
  auto hybrid = findCgroups(
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
      "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  ASSERT_TRUE(hybrid.ok());
  EXPECT_FALSE(hybrid->v2);
  EXPECT_EQ(hybrid->rootOf("cpuacct"), "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(hybrid->rootOf("hugetlb"), "");
  EXPECT_EQ(hybrid->roots().size(), 3U);
  EXPECT_EQ(hybrid->allRoots().back(), "/sys/fs/cgroup/unified");

  auto unified = findCgroups("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n");
  ASSERT_TRUE(unified.ok());
  EXPECT_TRUE(unified->v2);
  EXPECT_EQ(unified->unified, "/sys/fs/cgroup");

  EXPECT_FALSE(findCgroups("30 23 0:26 / / rw - ext4 /dev/vda rw\n garbage\n").ok());
}

TEST(Cgroupfs, PodsOnVersion1) {
  testing::CgroupTree tree(/*v2=*/false);
  std::vector<int> killed;
  CgroupfsManager manager(tree.files, tree.layout, "/", [&](int pid) { killed.push_back(pid); });
  CgroupResources node;
  node.cpuShares = 2048;
  node.memoryBytes = 1 << 30;
  ASSERT_TRUE(manager.setUp(node).ok());
  ASSERT_TRUE(manager.setUp(node).ok()) << "again";
  EXPECT_EQ(tree.read("memory/kubepods/memory.limit_in_bytes"), "1073741824");
  EXPECT_EQ(tree.read("cpu/kubepods/besteffort/cpu.shares"), "2");
  EXPECT_EQ(tree.read("cpuset/kubepods/burstable/cpuset.cpus"), "0-1");

  EXPECT_EQ(manager.podParent("u1", "Guaranteed"), "/kubepods/podu1");
  EXPECT_EQ(manager.podParent("u1", "Burstable"), "/kubepods/burstable/podu1");
  auto limits = podCgroupResources(pod({container("500m", "64Mi", "1", "64Mi")}), {});
  ASSERT_TRUE(manager.ensurePod("u1", "Burstable", limits).ok());
  EXPECT_EQ(tree.read("cpu/kubepods/burstable/podu1/cpu.shares"), "512");
  EXPECT_EQ(tree.read("cpu/kubepods/burstable/podu1/cpu.cfs_quota_us"), "100000");
  EXPECT_EQ(tree.read("memory/kubepods/burstable/podu1/memory.limit_in_bytes"), "67108864");
  EXPECT_EQ(tree.read("cpuset/kubepods/burstable/podu1/cpuset.mems"), "0");
  ASSERT_TRUE(manager.setBurstableShares(512).ok());
  EXPECT_EQ(tree.read("cpu/kubepods/burstable/cpu.shares"), "512");
  EXPECT_EQ(manager.pods(), std::vector<std::string>{"u1"});

  ASSERT_TRUE(manager.removePod("u1").ok());
  EXPECT_TRUE(manager.pods().empty());
  EXPECT_TRUE(killed.empty());
  ASSERT_TRUE(manager.removePod("u1").ok()) << "absent";
}

TEST(Cgroupfs, RemovingKillsWhatStillRuns) {
  testing::CgroupTree tree(/*v2=*/false);
  std::set<int> killed;
  CgroupfsManager manager(tree.files, tree.layout, "/own", [&](int pid) {
    killed.insert(pid);
    tree.endProcess(pid);
  });
  ASSERT_TRUE(manager.setUp({}).ok());
  ASSERT_TRUE(manager.ensurePod("u2", "BestEffort", {}).ok());
  tree.addProcess("memory/own/kubepods/besteffort/podu2/c1", 4711);
  tree.addProcess("memory/own/kubepods/besteffort/podu2", 4712);
  ASSERT_TRUE(manager.removePod("u2").ok());
  EXPECT_EQ(killed, (std::set<int>{4711, 4712}));
  EXPECT_TRUE(manager.pods().empty());
}

TEST(Cgroupfs, PodsOnVersion2) {
  testing::CgroupTree tree(/*v2=*/true);
  CgroupfsManager manager(tree.files, tree.layout, "/", [](int) {});
  ASSERT_TRUE(manager.setUp({}).ok());
  EXPECT_EQ(tree.read("cgroup.subtree_control"), "+cpuset +cpu +memory +pids");
  auto limits = podCgroupResources(pod({container("1", "64Mi", "1", "64Mi")}), {});
  ASSERT_TRUE(manager.ensurePod("u1", "Guaranteed", limits).ok());
  EXPECT_EQ(tree.read("kubepods/podu1/cpu.weight"), "100");
  EXPECT_EQ(tree.read("kubepods/podu1/cpu.max"), "100000 100000");
  EXPECT_EQ(tree.read("kubepods/podu1/memory.max"), "67108864");
  EXPECT_EQ(tree.read("kubepods/cgroup.subtree_control"), "+cpuset +cpu +memory +pids");
  ASSERT_TRUE(manager.removePod("u1").ok());
  EXPECT_TRUE(manager.pods().empty());
}

}  // namespace
}  // namespace coxswain::kubelet
