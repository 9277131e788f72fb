#include "proxy/proxy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/meta_v1.h"
#include "base/log.h"
#include "proxy/conntrack.h"
#include "proxy/health.h"
#include "proxy/model.h"
#include "proxy/nftables/backend.h"
#include "proxy/nftables/watch.h"
#include "proxy/sysctls.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::proxy {
namespace {

const Logger kLog("proxy");

using api::core::v1::Node;
using api::core::v1::Service;
using api::discovery::v1::EndpointSlice;

constexpr std::string_view kServiceName = "kubernetes.io/service-name";
constexpr std::string_view kZone = "topology.kubernetes.io/zone";
constexpr const char* kByService = "service";
constexpr Duration kRetryMin = 1s;
constexpr Duration kRetryMax = 30s;
/// Others' changes of the ruleset are looked at in bundles: a firewall starts with many.
constexpr Duration kLookAfter = 200ms;
/// Failing for so long is unhealthy.
constexpr Duration kUnhealthyAfter = 60s;

/// "namespace/service" of a slice; empty: of none.
std::string serviceOf(const api::ConstObject& object) {
  const auto* slice = object.as<EndpointSlice>();
  if (!slice) return {};
  const auto* name = slice->metadata.labels.get(kServiceName);
  if (!name || name->empty()) return {};
  return slice->metadata.namespace_ + "/" + *name;
}

std::vector<std::string> indexByService(const api::ConstObject& object) {
  auto service = serviceOf(object);
  if (service.empty()) return {};
  return {std::move(service)};
}

Result<std::vector<api::IpPrefix>> prefixesOf(const std::vector<std::string>& texts,
                                              const char* what) {
  std::vector<api::IpPrefix> out;
  for (const auto& text : texts) {
    auto prefix = api::parseCidr(text);
    if (!prefix) return badRequest(fmt::format("{} \"{}\" is not a network", what, text));
    out.push_back(*prefix);
  }
  return out;
}

bool kernelHasV6() {
  return ::access("/proc/net/if_inet6", F_OK) == 0;
}

}  // namespace

struct Proxy::Impl final : StateSource {
  Impl(client::Client& client, client::Informers& informers, Reactor& r, ProcessRunner& p,
       ProxyOptions o)
      : reactor(r),
        processes(p),
        options(std::move(o)),
        services(informers.of<Service>()),
        slices(informers.of<EndpointSlice>()),
        nodes(
            client, client::resourceOf<Node>(),
            {.ns = "", .labelSelector = "", .fieldSelector = "metadata.name=" + options.nodeName}),
        health(r, *this) {
    view.name = options.nodeName;
    services.addHandler([this](const client::Change& change) {
      ++serviceChanges;
      markDirty(client::objectKey(change.after ? change.after : change.before));
    });
    slices.addIndex(kByService, indexByService);
    slices.addHandler([this](const client::Change& change) {
      ++endpointChanges;
      if (change.before) markDirty(serviceOf(change.before));
      if (change.after) markDirty(serviceOf(change.after));
    });
    nodes.addHandler([this](const client::Change& change) { nodeChanged(change.after); });
  }

  void markDirty(std::string service) {
    if (service.empty()) return;
    dirty.insert(std::move(service));
    changed.notifyAll();
  }

  void nodeChanged(const api::ConstObject& object) {
    const auto* node = object.as<Node>();
    NodeView now{options.nodeName, ""};
    nodeEligible = true;
    if (node) {
      if (const auto* zone = node->metadata.labels.get(kZone)) now.zone = *zone;
      nodeEligible = !node->metadata.deletionTimestamp;
      for (const auto& taint : node->spec.taints)
        nodeEligible &= taint.key != "ToBeDeletedByClusterAutoscaler";
    }
    if (now == view) return;
    view = now;
    services.forEach([this](const api::ConstObject& s) { markDirty(client::objectKey(s)); });
  }

  Result<nftables::RuleOptions> ruleOptions() const {
    nftables::RuleOptions rules;
    rules.masqueradeAll = options.masqueradeAll;
    rules.localhostNodePorts = options.localhostNodePorts;
    TRY(rules.clusterCidrs, prefixesOf(options.clusterCidrs, "cluster CIDR"));
    TRY(rules.egressCidrs, prefixesOf(options.egressCidrs, "egress CIDR"));
    TRY(rules.nodePortAddresses, prefixesOf(options.nodePortAddresses, "node port address"));
    return rules;
  }

  Task<Status> start() {
    CO_TRY(auto rules, ruleOptions());
    if (options.nodeName.empty()) co_return badRequest("the proxy needs its node's name");
    RunOptions probe;
    probe.argv = {"nft", "list", "tables"};
    CO_TRY(auto probed, co_await processes.run(std::move(probe), stop.get_token()));
    if (!probed.exit.ok())
      co_return Status(Reason::Forbidden, 403, "nft cannot be used: " + probed.error);
    std::vector<Family> families{Family::V4};
    const bool v6 = kernelHasV6();
    if (v6) families.push_back(Family::V6);
    if (options.setSysctls) {
      SysctlOptions sysctls;
      sysctls.localhostNodePorts = options.localhostNodePorts;
      sysctls.v6 = v6;
      CO_TRY_STATUS(applySysctls(sysctls));
    }
    CO_TRY(watch, nftables::RulesetWatch::create(reactor));
    CO_TRY_STATUS(health.start(options.healthzAddress, options.metricsAddress));
    backend.emplace(processes, std::move(rules), families);
    for (auto family : families) handles[family] = 0;
    lastSuccess = reactor.now();
    spawn(reactor, watchNode(*this, gate.enter(), stop.get_token()));
    spawn(reactor, loop(*this, gate.enter(), stop.get_token()));
    spawn(reactor, watchRuleset(*this, gate.enter(), stop.get_token()));
    co_return Status();
  }

  /// Finds out that somebody removed our tables.
  static Task<void> watchRuleset(Impl& self, Gate::Pass pass, std::stop_token stop) {
    while (!stop.stop_requested()) {
      Status heard = co_await self.watch->changed(stop);
      if (isCanceled(heard)) co_return;
      if (!heard.ok()) kLog.warn("changes of the ruleset are not heard", {{"why", heard}});
      if (!(co_await sleepFor(heard.ok() ? kLookAfter : kRetryMax, stop)).ok()) co_return;
      if (self.pending || !self.written_ || self.tablesAreOurs()) continue;
      kLog.warn("somebody removed the rules; they are written again");
      self.backend->forget();
      self.pending = true;
      self.changed.notifyAll();
    }
  }

  /// They are those that were written last.
  [[nodiscard]] bool tablesAreOurs() const {
    for (const auto& [family, handle] : handles) {
      auto now = nftables::tableHandle(family, nftables::kTable);
      if (now.ok() && *now != handle) return false;
    }
    return true;
  }

  /// False: one of them is not there.
  bool noteHandles() {
    bool present = true;
    for (auto& [family, handle] : handles) {
      auto now = nftables::tableHandle(family, nftables::kTable);
      if (now.ok()) handle = *now;
      present &= !now.ok() || *now != 0;
    }
    return present;
  }

  static Task<void> watchNode(Impl& self, Gate::Pass pass, std::stop_token stop) {
    co_await self.nodes.run(stop);
  }

  static Task<void> loop(Impl& self, Gate::Pass pass, std::stop_token stop) {
    Status filled = co_await self.services.waitSynced(stop);
    if (filled.ok()) filled = co_await self.slices.waitSynced(stop);
    if (filled.ok()) filled = co_await self.nodes.waitSynced(stop);
    self.services.forEach(
        [&self](const api::ConstObject& s) { self.dirty.insert(client::objectKey(s)); });
    self.pending = true;  // the table itself, even without services
    while (!stop.stop_requested()) {
      if (self.dirty.empty() && !self.pending) {
        self.idle.notifyAll();
        if (!(co_await self.changed.wait(stop)).ok()) co_return;
      }
      const auto next = self.lastWrite + self.options.minSyncPeriod;
      if (self.lastWrite != MonotonicTime{} && next > self.reactor.now()) {
        if (!(co_await sleepFor(next - self.reactor.now(), stop)).ok()) co_return;
      }
      co_await self.sync(stop);
    }
  }

  /// One round: what changed goes to the backend, the backend to the kernel.
  Task<void> sync(std::stop_token stopping) {
    pending = true;
    auto changedServices = std::move(dirty);
    dirty.clear();
    for (const auto& key : changedServices) co_await readOne(key);
    const auto begin = reactor.now();
    Status written = co_await backend->write(stopping);
    lastWrite = reactor.now();
    if (!written.ok()) {
      if (isCanceled(written)) co_return;
      kLog.error("rules could not be written",
                 {{"why", written}, {"retrySeconds", retryAfter / 1s}});
      // At once the first time: somebody may have removed the table, and the next write makes it.
      (void)co_await sleepFor(retryAfter, stopping);
      retryAfter = retryAfter == Duration::zero() ? kRetryMin : std::min(retryAfter * 2, kRetryMax);
      co_return;
    }
    if (!written_) {
      kLog.info("rules are in place", {{"services", services.size()},
                                       {"elements", backend->elementCount()},
                                       {"ms", (lastWrite - begin) / 1ms}});
    }
    written_ = true;
    // Removed again since: the watch may have told while we were at it.
    pending = !noteHandles();
    if (pending) backend->forget();
    retryAfter = {};
    lastSuccess = lastWrite;
    lastUpdated = reactor.wallNow();
    lastSeconds = std::chrono::duration<double>(lastWrite - begin).count();
    forgettable.insert(forgettable.end(), stale.begin(), stale.end());
    stale.clear();
    if (forgettable.empty() || forgetting) co_return;
    forgetting = true;
    spawn(reactor, forgetStale(*this, gate.enter(), stopping));
  }

  /// Beside the next rounds: a command each may take long where there are many. The rules that new
  /// flows follow are in place by now.
  static Task<void> forgetStale(Impl& self, Gate::Pass pass, std::stop_token stop) {
    while (!self.forgettable.empty() && !stop.stop_requested()) {
      auto flows = std::move(self.forgettable);
      self.forgettable.clear();
      Status forgotten = co_await forgetFlows(self.processes, std::move(flows), stop);
      if (!forgotten.ok() && !isCanceled(forgotten))
        kLog.warn("old UDP flows may go on", {{"why", forgotten}});
    }
    self.forgetting = false;
  }

  Task<void> readOne(const std::string& key) {
    const auto service = services.get<Service>(key);
    std::vector<SlicePointer> own;
    std::vector<ServicePort> ports;
    uint16_t healthPort = 0;
    if (service && isProxied(*service)) {
      for (const auto& object : slices.byIndex(kByService, key)) {
        auto slice = object.sharedAs<EndpointSlice>();
        if (slice && isProxied(*slice)) own.push_back(std::move(slice));
      }
      ports = readService(*service, own, view);
      if (service->spec.type == "LoadBalancer" && service->spec.externalTrafficPolicy == "Local" &&
          service->spec.healthCheckNodePort > 0 && service->spec.healthCheckNodePort <= 65535) {
        healthPort = static_cast<uint16_t>(service->spec.healthCheckNodePort);
      }
    }
    backend->put(key, ports);
    noteStale(key, std::move(ports));
    const auto count = healthPort == 0 ? 0 : countLocalReady(own, view);
    co_await health.setService(key, options.healthCheckHost, healthPort, count);
  }

  void noteStale(const std::string& key, std::vector<ServicePort> ports) {
    std::erase_if(ports, [](const ServicePort& p) { return p.protocol != Protocol::Udp; });
    auto known = udp.find(key);
    if (known == udp.end() && ports.empty()) return;
    static const std::vector<ServicePort> kNone;
    auto flows = staleFlows(known == udp.end() ? kNone : known->second, ports);
    stale.insert(stale.end(), flows.begin(), flows.end());
    if (ports.empty())
      udp.erase(key);
    else
      udp[key] = std::move(ports);
  }

  [[nodiscard]] bool synced() const { return written_ && !pending && dirty.empty(); }

  [[nodiscard]] ProxyState state() const override {
    ProxyState out;
    out.healthy = written_ && (!pending || reactor.now() - lastSuccess < kUnhealthyAfter);
    out.nodeEligible = nodeEligible;
    out.lastUpdated = lastUpdated;
    out.metrics = metrics();
    return out;
  }

  [[nodiscard]] std::string metrics() const {
    std::string out;
    auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                   double value) {
      out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
    };
    const auto counts = backend ? backend->counts() : nftables::Backend::Counts();
    add("kubeproxy_sync_proxy_rules_last_timestamp_seconds", "gauge",
        "The last time the rules were written",
        std::chrono::duration<double>(lastUpdated.time_since_epoch()).count());
    add("kubeproxy_sync_proxy_rules_service_changes_total", "counter", "Changes of Services seen",
        static_cast<double>(serviceChanges));
    add("kubeproxy_sync_proxy_rules_endpoint_changes_total", "counter",
        "Changes of EndpointSlices seen", static_cast<double>(endpointChanges));
    add("kubeproxy_sync_proxy_rules_nftables_sync_failures_total", "counter",
        "Transactions that the kernel refused", static_cast<double>(counts.failed));
    add("coxswain_proxy_table_replacements_total", "counter", "Tables written as a whole",
        static_cast<double>(counts.replaced));
    add("coxswain_proxy_table_changes_total", "counter", "Tables changed by elements",
        static_cast<double>(counts.changed));
    add("coxswain_proxy_elements", "gauge", "Elements of all sets and maps",
        static_cast<double>(backend ? backend->elementCount() : 0));
    add("coxswain_proxy_last_write_seconds", "gauge", "How long the last write took", lastSeconds);
    return out;
  }

  Reactor& reactor;
  ProcessRunner& processes;
  ProxyOptions options;
  client::Informer& services;
  client::Informer& slices;
  client::Informer nodes;
  HealthServers health;
  std::optional<nftables::Backend> backend;
  std::unique_ptr<nftables::RulesetWatch> watch;
  std::map<Family, uint64_t> handles;  // of our tables as last written

  NodeView view;
  bool nodeEligible = true;
  std::set<std::string> dirty;  // services to read again
  bool pending = false;         // a write is due, under way, or failed
  bool written_ = false;
  WaitList changed;
  WaitList idle;
  std::map<std::string, std::vector<ServicePort>> udp;  // UDP ports as last read
  std::vector<StaleFlow> stale;                         // of changes that are not written yet
  std::vector<StaleFlow> forgettable;                   // of written ones
  bool forgetting = false;

  MonotonicTime lastWrite{};
  MonotonicTime lastSuccess{};
  WallTime lastUpdated{};
  Duration retryAfter{};
  double lastSeconds = 0;
  uint64_t serviceChanges = 0;
  uint64_t endpointChanges = 0;

  Gate gate;
  std::stop_source stop;
};

Proxy::Proxy(client::Client& client, client::Informers& informers, Reactor& reactor,
             ProcessRunner& processes, ProxyOptions options)
    : impl_(std::make_unique<Impl>(client, informers, reactor, processes, std::move(options))) {}

Proxy::~Proxy() = default;

Task<Status> Proxy::start() {
  co_return co_await impl_->start();
}

Task<void> Proxy::stop() {
  impl_->stop.request_stop();
  co_await impl_->gate.close();
  co_await impl_->health.stop();
}

bool Proxy::synced() const {
  return impl_->synced();
}

Task<Status> Proxy::waitSynced(std::stop_token stop) {
  while (!impl_->synced()) {
    CO_TRY_STATUS(co_await impl_->idle.wait(stop));
  }
  co_return Status();
}

Task<Status> Proxy::cleanup(ProcessRunner& processes, std::stop_token stop) {
  return nftables::Backend::removeAll(processes, std::move(stop));
}

}  // namespace coxswain::proxy
