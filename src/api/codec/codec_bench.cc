// Encoding and decoding of a pod as a cluster has it (about 4 KB of JSON). `allocs` is allocations
// for one iteration.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/gen/core_v1.h"

namespace {
std::atomic<size_t> allocations{0};
}

void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, size_t) noexcept {
  std::free(p);
}

namespace coxswain::api {
namespace {

core::v1::Pod makePod() {
  core::v1::Pod pod;
  auto& meta = pod.metadata;
  meta.name = "web-7d4b9c6f5d-x2x9k";
  meta.generateName = "web-7d4b9c6f5d-";
  meta.namespace_ = "production";
  meta.uid = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
  meta.resourceVersion = "184467";
  meta.creationTimestamp = Time::fromUnix(1700000000);
  meta.labels = {{"app", "web"}, {"pod-template-hash", "7d4b9c6f5d"}, {"tier", "frontend"}};
  meta.annotations = {{"prometheus.io/scrape", "true"}, {"prometheus.io/port", "9090"}};
  auto& owner = meta.ownerReferences.emplace_back();
  owner.apiVersion = "apps/v1";
  owner.kind = "ReplicaSet";
  owner.name = "web-7d4b9c6f5d";
  owner.uid = "11111111-2222-3333-4444-555555555555";
  owner.controller = true;
  owner.blockOwnerDeletion = true;
  auto& managed = meta.managedFields.emplace_back();
  managed.manager = "kube-controller-manager";
  managed.operation = "Update";
  managed.apiVersion = "v1";
  managed.time = Time::fromUnix(1700000000);
  managed.fieldsType = "FieldsV1";
  managed.fieldsV1.emplace().raw =
      R"({"f:metadata":{"f:generateName":{},"f:labels":{".":{},"f:app":{},"f:tier":{}},)"
      R"("f:ownerReferences":{".":{},"k:{\"uid\":\"11111111-2222-3333-4444-555555555555\"}":{}}},)"
      R"("f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:image":{},"f:name":{},)"
      R"("f:ports":{".":{},"k:{\"containerPort\":8080,\"protocol\":\"TCP\"}":{".":{}}},)"
      R"("f:resources":{".":{},"f:limits":{".":{},"f:cpu":{}}}}},"f:dnsPolicy":{}}})";
  auto& spec = pod.spec;
  spec.nodeName = "node-17";
  spec.restartPolicy = "Always";
  spec.dnsPolicy = "ClusterFirst";
  spec.serviceAccountName = "default";
  spec.schedulerName = "default-scheduler";
  spec.terminationGracePeriodSeconds = 30;
  spec.securityContext.emplace();
  for (const char* name : {"web", "sidecar"}) {
    auto& container = spec.containers.emplace_back();
    container.name = name;
    container.image = "registry.example.com/team/web:1.42.0";
    auto& port = container.ports.emplace_back();
    port.name = "http";
    port.containerPort = 8080;
    port.protocol = "TCP";
    for (const char* env : {"LOG_LEVEL", "REGION", "DATABASE_URL", "CACHE_SIZE"}) {
      auto& e = container.env.emplace_back();
      e.name = env;
      e.value = "some-plausible-value";
    }
    container.resources.limits = {{"cpu", Quantity::parse("500m").value()},
                                  {"memory", Quantity::parse("256Mi").value()}};
    container.resources.requests = container.resources.limits;
    auto& mount = container.volumeMounts.emplace_back();
    mount.name = "kube-api-access-abcde";
    mount.mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
    mount.readOnly = true;
    auto& probe = container.readinessProbe.emplace();
    auto& get = probe.handler.httpGet.emplace();
    get.path = "/healthz";
    get.port = IntOrString("http");
    get.scheme = "HTTP";
    probe.periodSeconds = 10;
    container.imagePullPolicy = "IfNotPresent";
  }
  auto& volume = spec.volumes.emplace_back();
  volume.name = "kube-api-access-abcde";
  volume.volumeSource.projected.emplace().defaultMode = 420;
  auto& toleration = spec.tolerations.emplace_back();
  toleration.key = "node.kubernetes.io/not-ready";
  toleration.operator_ = "Exists";
  toleration.effect = "NoExecute";
  toleration.tolerationSeconds = 300;
  pod.status.phase = "Running";
  pod.status.podIP = "10.244.3.17";
  pod.status.hostIP = "192.168.1.20";
  for (const char* type : {"Initialized", "Ready", "ContainersReady", "PodScheduled"}) {
    auto& condition = pod.status.conditions.emplace_back();
    condition.type = type;
    condition.status = "True";
    condition.lastTransitionTime = Time::fromUnix(1700000010);
  }
  return pod;
}

template <typename F>
void measure(benchmark::State& state, size_t bytes, F&& body) {
  size_t before = allocations.load();
  for (auto _ : state) body();
  state.counters["allocs"] =
      static_cast<double>(allocations.load() - before) / static_cast<double>(state.iterations());
  state.counters["bytes"] = static_cast<double>(bytes);
}

void jsonEncode(benchmark::State& state) {
  core::v1::Pod pod = makePod();
  std::string out;
  measure(state, encodeJson(pod).size(), [&] {
    out.clear();
    encodeJson(core::v1::Pod::info(), &pod, out);
  });
}
BENCHMARK(jsonEncode);

void jsonDecode(benchmark::State& state) {
  std::string text = encodeJson(makePod());
  measure(state, text.size(), [&] {
    core::v1::Pod pod;
    JsonReport report;
    benchmark::DoNotOptimize(decodeJson(core::v1::Pod::info(), text, &pod, &report).ok());
  });
}
BENCHMARK(jsonDecode);

void protobufEncode(benchmark::State& state) {
  core::v1::Pod pod = makePod();
  std::string out;
  measure(state, encodeProtobuf(pod).size(), [&] {
    out.clear();
    encodeProtobuf(core::v1::Pod::info(), &pod, out);
  });
}
BENCHMARK(protobufEncode);

void protobufDecode(benchmark::State& state) {
  std::string bytes = encodeProtobuf(makePod());
  measure(state, bytes.size(), [&] {
    core::v1::Pod pod;
    benchmark::DoNotOptimize(decodeProtobuf(core::v1::Pod::info(), bytes, &pod).ok());
  });
}
BENCHMARK(protobufDecode);

void copy(benchmark::State& state) {
  core::v1::Pod pod = makePod();
  measure(state, sizeof(pod), [&] {
    core::v1::Pod other = pod;
    benchmark::DoNotOptimize(&other);
  });
}
BENCHMARK(copy);

void compare(benchmark::State& state) {
  core::v1::Pod pod = makePod();
  core::v1::Pod other = pod;
  measure(state, sizeof(pod), [&] { benchmark::DoNotOptimize(pod == other); });
}
BENCHMARK(compare);

}  // namespace
}  // namespace coxswain::api
