// Writing rules of many services to a kernel: full, then changes of one. Root; in a network
// namespace of its own.

#include <benchmark/benchmark.h>
#include <sched.h>

#include <memory>

#include "proxy/nftables/backend.h"
#include "runtime/reactor.h"

namespace coxswain::proxy {
namespace {

ServicePort servicePort(int n, int salt) {
  ServicePort port;
  port.service = "default/service-" + std::to_string(n);
  port.port = 80;
  port.nodePort = n % 10 == 0 ? static_cast<uint16_t>(20000 + n) : uint16_t{0};
  auto ip = [](int net, int value) {
    return *api::parseIp("10." + std::to_string(net) + "." + std::to_string(value / 250) + "." +
                         std::to_string(value % 250 + 1));
  };
  port.clusterIps = {ip(96, n)};
  for (int e = 0; e < 3; ++e) {
    Endpoint endpoint;
    endpoint.address = ip(100 + e + salt, n);
    endpoint.port = 8080;
    endpoint.local = e == 0;
    port.endpoints.push_back(endpoint);
  }
  return port;
}

/// A reactor runs once: each write has its own, behind one runner that forwards.
class Runner final : public ProcessRunner {
 public:
  Task<Result<RunResult>> run(RunOptions options, std::stop_token stop) override {
    return now->run(std::move(options), std::move(stop));
  }
  Result<std::unique_ptr<ChildProcess>> start(ChildOptions options) override {
    return now->start(std::move(options));
  }
  std::unique_ptr<ProcessRunner> now;
};

bool write(nftables::Backend& backend, Runner& runner) {
  Reactor reactor;
  runner.now = systemProcesses(reactor);
  Status status = blockOn(reactor, backend.write({}));
  return status.ok();
}

bool enterNamespace() {
  static const bool entered = ::unshare(CLONE_NEWNET) == 0;
  return entered;
}

void BM_Full(benchmark::State& state) {
  if (!enterNamespace()) return state.SkipWithError("not root");
  Runner runner;
  nftables::Backend backend(runner, {}, {Family::V4});
  for (int n = 0; n < state.range(0); ++n)
    backend.put("default/service-" + std::to_string(n), {servicePort(n, 0)});
  for (auto _ : state) {
    backend.forget();
    if (!write(backend, runner)) return state.SkipWithError("nft failed");
  }
}
BENCHMARK(BM_Full)->Arg(0)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_OneEndpointChanges(benchmark::State& state) {
  if (!enterNamespace()) return state.SkipWithError("not root");
  Runner runner;
  nftables::Backend backend(runner, {}, {Family::V4});
  for (int n = 0; n < state.range(0); ++n)
    backend.put("default/service-" + std::to_string(n), {servicePort(n, 0)});
  if (!write(backend, runner)) return state.SkipWithError("nft failed");
  int salt = 0;
  for (auto _ : state) {
    salt = 10 - salt;
    backend.put("default/service-5", {servicePort(5, salt)});
    if (!write(backend, runner)) return state.SkipWithError("nft failed");
  }
}
BENCHMARK(BM_OneEndpointChanges)
    ->Arg(1000)
    ->Arg(10000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace coxswain::proxy
