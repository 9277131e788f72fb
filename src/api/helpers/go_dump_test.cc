#include "api/helpers/go_dump.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"

namespace coxswain::api {
namespace {

using core::v1::PodTemplateSpec;

/// As an API server stores it, with all defaults.
PodTemplateSpec smallest() {
  PodTemplateSpec pods;
  pods.metadata.labels["app"] = "a";
  auto& spec = pods.spec;
  spec.restartPolicy = "Always";
  spec.terminationGracePeriodSeconds = 0;
  spec.dnsPolicy = "ClusterFirst";
  spec.securityContext.getOrCreate();
  spec.schedulerName = "none";
  auto& container = spec.containers.emplace_back();
  container.name = "c";
  container.image = "x:1";
  container.terminationMessagePath = "/dev/termination-log";
  container.terminationMessagePolicy = "File";
  container.imagePullPolicy = "IfNotPresent";
  return pods;
}

testing::AssertionResult says(const std::string& dump, const std::string& part) {
  if (dump.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << part << "\nis not in\n" << dump;
}

TEST(GoDump, HashesAsARealCluster) {
  // Recorded from Kubernetes 1.36.2 (golden corpus, deployment/events).
  EXPECT_EQ(podTemplateHash(smallest(), {}), "57b7c9c577");
}

PodTemplateSpec read(const std::string& file) {
  std::ifstream in("src/api/helpers/testdata/go_dump/" + file);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  PodTemplateSpec pods;
  JsonReport report;
  EXPECT_TRUE(decodeJson(PodTemplateSpec::info(), text, &pods, &report).ok()) << file;
  return pods;
}

TEST(GoDump, HashesAsGoDoes) {
  // FNV-1a by a Go program of go-spew 1.1.1 and k8s.io/api 0.36.2, of what it reads from protobuf.
  const auto hash = [](const std::string& file) { return fnv32a(dumpAsGo(read(file))); };
  EXPECT_EQ(hash("everything.json"), 1643710182u) << "nearly every field there is";
  EXPECT_EQ(hash("amounts.json"), 3949047458u) << "all suffixes";
}

TEST(GoDump, CollisionsAreEightBytesMore) {
  std::string bytes = dumpAsGo(smallest());
  bytes += std::string("\x02\x01\0\0\0\0\0\0", 8);
  EXPECT_EQ(podTemplateHash(smallest(), 0x0102), safeEncode(std::to_string(fnv32a(bytes))));
}

TEST(GoDump, Amounts) {
  auto pods = smallest();
  auto& requests = pods.spec.containers[0].resources.requests;
  requests["memory"] = *Quantity::parse("64Mi");
  requests["cpu"] = *Quantity::parse("0.25");
  requests["x"] = *Quantity::parse("2k");
  EXPECT_TRUE(
      says(dumpAsGo(pods),
           "Requests:(v1.ResourceList)map["
           "cpu:{i:(resource.int64Amount){value:(int64)250 scale:(resource.Scale)-3} "
           "d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)250m "
           "Format:(resource.Format)DecimalSI} "
           "memory:{i:(resource.int64Amount){value:(int64)67108864 scale:(resource.Scale)0} "
           "d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string) "
           "Format:(resource.Format)BinarySI} "
           "x:{i:(resource.int64Amount){value:(int64)2 scale:(resource.Scale)3} "
           "d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)2k "
           "Format:(resource.Format)DecimalSI}]"));
  auto& divisor =
      pods.spec.containers[0].env.emplace_back().valueFrom.getOrCreate().resourceFieldRef;
  divisor.getOrCreate().resource = "limits.cpu";
  EXPECT_TRUE(
      says(dumpAsGo(pods),
           "ResourceFieldRef:(*v1.ResourceFieldSelector){ContainerName:(string) "
           "Resource:(string)limits.cpu Divisor:(resource.Quantity){i:(resource."
           "int64Amount){value:(int64)0 scale:(resource.Scale)0} d:(resource."
           "infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)0 Format:(resource.Format)DecimalSI}"));
}

TEST(GoDump, NamesAndTypesOfGo) {
  auto pods = smallest();
  auto& spec = pods.spec;
  spec.serviceAccount = "s";
  auto& volume = spec.volumes.emplace_back();
  volume.name = "v";
  auto& rbd = volume.volumeSource.rbd.getOrCreate();
  rbd.monitors = {"m1", "m2"};
  rbd.image = "i";
  auto& container = spec.containers[0];
  container.tty = true;
  auto& probe = container.livenessProbe.getOrCreate();
  probe.handler.httpGet.getOrCreate().port = IntOrString("web");
  container.securityContext.getOrCreate().capabilities.getOrCreate().add = {"NET_ADMIN"};
  const auto dump = dumpAsGo(pods);
  for (const char* part :
       {"DeprecatedServiceAccount:(string)s", "TTY:(bool)true",
        "Volumes:([]v1.Volume)[{Name:(string)v VolumeSource:(v1.VolumeSource){HostPath:(*v1."
        "HostPathVolumeSource)<nil>",
        "RBD:(*v1.RBDVolumeSource){CephMonitors:([]string)[m1 m2] RBDImage:(string)i "
        "FSType:(string)",
        "LivenessProbe:(*v1.Probe){ProbeHandler:(v1.ProbeHandler){Exec:(*v1.ExecAction)<nil> "
        "HTTPGet:(*v1.HTTPGetAction){Path:(string) Port:(intstr.IntOrString){Type:(intstr.Type)1 "
        "IntVal:(int32)0 StrVal:(string)web} Host:(string) Scheme:(v1.URIScheme)",
        "Capabilities:(*v1.Capabilities){Add:([]v1.Capability)[NET_ADMIN] "
        "Drop:([]v1.Capability)<nil>}",
        "TerminationGracePeriodSeconds:(*int64)0 ActiveDeadlineSeconds:(*int64)<nil>",
        "CreationTimestamp:(v1.Time){Time:(time.Time){wall:(uint64)0 ext:(int64)0 "
        "loc:(*time.Location)<nil>}} DeletionTimestamp:(*v1.Time)<nil>"}) {
    EXPECT_TRUE(says(dump, part));
  }
}

}  // namespace
}  // namespace coxswain::api
