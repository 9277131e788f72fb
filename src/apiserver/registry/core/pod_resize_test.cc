#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "apiserver/registry/core/pod_spec.h"
#include "apiserver/registry/strategy.h"

namespace coxswain::apiserver {
namespace {

namespace v1 = api::core::v1;

v1::Pod podOf(const std::string& spec, const std::string& status = "{}") {
  auto pod = api::decodeJson<v1::Pod>(R"({"metadata":{"name":"p"},"spec":)" + spec +
                                      R"(,"status":)" + status + "}");
  EXPECT_TRUE(pod.ok()) << pod.status().message();
  makePodStrategy()->setDefaults(&*pod);
  return std::move(*pod);
}

/// What a resize of `from` to `to` is told.
std::string resize(const v1::Pod& from, v1::Pod to) {
  const auto strategy = makePodResizeStrategy();
  strategy->prepareForUpdate(&to, &from);
  api::FieldErrors errors;
  strategy->validateUpdate(&to, &from, errors);
  return errors.str();
}

std::string container(const std::string& name, const std::string& resources,
                      const std::string& more = "") {
  return R"({"name":")" + name + R"(","image":"i","resources":{)" + resources + "}" + more + "}";
}
constexpr const char* kOne = R"("requests":{"cpu":"1"})";
constexpr const char* kTwo = R"("requests":{"cpu":"2"})";

std::string spec(const std::string& containers, const std::string& more = "") {
  return R"({"containers":[)" + containers + "]" + more + "}";
}

TEST(PodResize, ContainersStayAsTheyStand) {
  const auto two = podOf(spec(container("a", kOne) + "," + container("b", kOne)));
  EXPECT_EQ(resize(two, podOf(spec(container("b", kOne) + "," + container("a", kOne)))),
            "[spec.containers[0].name: Forbidden: containers may not be renamed or reordered on "
            "resize, spec.containers[1].name: Forbidden: containers may not be renamed or "
            "reordered on resize]");
  EXPECT_EQ(resize(two, podOf(spec(container("a", kOne)))),
            "spec.containers: Forbidden: containers may not be added or removed on resize");
  EXPECT_EQ(resize(two, podOf(spec(container("a", kTwo) + "," + container("b", kOne)))), "");
}

TEST(PodResize, AmountsAreNotRemoved) {
  const auto both = podOf(spec(container("a", R"("requests":{"cpu":"1","memory":"1Gi"})")));
  EXPECT_EQ(resize(both, podOf(spec(container("a", kTwo)))),
            "spec.containers[0].resources.requests: Forbidden: resource requests cannot be "
            "removed");
}

TEST(PodResize, OnlyCpuAndMemory) {
  const auto from = podOf(spec(container("a", kOne)));
  EXPECT_EQ(
      resize(from,
             podOf(spec(container("a", R"("requests":{"cpu":"2","ephemeral-storage":"1"})")))),
      "spec: Forbidden: only cpu and memory resources are mutable");
}

TEST(PodResize, InitContainers) {
  const auto with = [](const std::string& resources, const std::string& more) {
    return podOf(spec(container("a", kOne),
                      R"(,"initContainers":[)" + container("i", resources, more) + "]"));
  };
  EXPECT_EQ(resize(with(kOne, ""), with(kTwo, "")), "");
  EXPECT_EQ(resize(with(kOne, ""), with(R"("requests":{"cpu":"1","ephemeral-storage":"1"})", "")),
            "spec.initContainers[0]: Forbidden: only cpu and memory resources for init or sidecar "
            "containers are mutable");
}

TEST(PodResize, OfThePodAsAWhole) {
  const auto with = [](const std::string& resources) {
    return podOf(spec(container("a", ""), R"(,"resources":{)" + resources + "}"));
  };
  EXPECT_EQ(resize(with(kOne), with(kTwo)), "");
  EXPECT_EQ(resize(with(R"("requests":{"cpu":"1","memory":"1Gi"})"), with(kTwo)),
            "spec.resources.requests: Forbidden: pod-level resource requests cannot be removed");
  EXPECT_EQ(resize(with(kOne), podOf(spec(container("a", kOne)))),
            "spec.resources: Forbidden: pod-level resources cannot be removed");
}

TEST(PodResize, OldNodesAndForeignPods) {
  const auto old = podOf(spec(container("a", kOne)),
                         R"({"containerStatuses":[{"name":"a","state":{"running":{}}}]})");
  EXPECT_EQ(resize(old, podOf(spec(container("a", kTwo)))),
            "spec: Forbidden: Pod running on node without support for resize");
  auto mirror = podOf(spec(container("a", kOne)));
  mirror.spec.nodeName = "n";
  mirror.metadata.annotations["kubernetes.io/config.mirror"] = "x";
  EXPECT_EQ(resize(mirror, podOf(spec(container("a", kTwo)))),
            "[]: Forbidden: static pods cannot be resized");
}

}  // namespace
}  // namespace coxswain::apiserver
