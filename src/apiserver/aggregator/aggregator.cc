#include "apiserver/aggregator/aggregator.h"

#include <algorithm>

#include "apiserver/aggregator/forwarding.h"
#include "apiserver/generic/generic_registry.h"
#include "apiserver/server/exchange.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::apiregistration::v1::APIServiceCondition;
using api::apiregistration::v1::kAvailable;

const Logger kLog("apiserver.aggregator");

constexpr std::string_view kApis = "/apis/";
constexpr std::string_view kOpenApi = "/openapi/v3/apis/";

/// "g/v" of "/apis/g/v/things"; empty: no such path.
std::string_view groupVersionOf(std::string_view path) {
  if (path.starts_with(kOpenApi)) {
    path.remove_prefix(kOpenApi.size());
  } else if (path.starts_with(kApis)) {
    path.remove_prefix(kApis.size());
  } else {
    return {};
  }
  const auto first = path.find('/');
  if (first == std::string_view::npos) return {};
  return path.substr(0, path.find('/', first + 1));
}

bool isLocalTold(const api::apiregistration::v1::APIService& object) {
  return std::ranges::any_of(object.status.conditions, [](const APIServiceCondition& each) {
    return each.type == kAvailable && each.status == "True" && each.reason == "Local";
  });
}

}  // namespace

Aggregator::Aggregator(Executor& executor, client::Client& client, RemoteServers* remotes,
                       std::span<const ServedResource> served)
    : executor_(executor),
      client_(client),
      remotes_(remotes),
      informer_(client, client::resourceOf<APIService>(), {}) {
  for (const auto& each : served) ours_.insert(groupVersionText(each.group, each.version));
  informer_.addHandler([this](const client::Change& change) { onChange(change); });
}

void Aggregator::start() {
  spawn(executor_, runInformer(gate_.enter()));
}

Task<void> Aggregator::stop() {
  stop_.request_stop();
  for (auto& [name, version] : versions_) version->stop();
  co_await gate_.close();
}

Task<void> Aggregator::runInformer(Gate::Pass pass) {
  co_await informer_.run(stop_.get_token());
}

void Aggregator::onChange(const client::Change& change) {
  if (stop_.stop_requested()) return;
  if (!change.after) {
    drop(change.before.as<APIService>()->metadata.name);
    return;
  }
  auto object = change.after.sharedAs<APIService>();
  const auto& name = object->metadata.name;
  auto known = versions_.find(name);
  if (!object->spec.service) {
    if (known != versions_.end()) drop(name);
    if (!isLocalTold(*object)) spawn(executor_, tellLocal(object, gate_.enter()));
  } else if (known != versions_.end() && known->second->spec() == object->spec) {
    known->second->setObject(std::move(object));
  } else {
    drop(name);
    add(std::move(object));
  }
}

bool Aggregator::isOurs(const APIService& object) const {
  return object.spec.group.empty() ||
         ours_.contains(groupVersionText(object.spec.group, object.spec.version));
}

void Aggregator::add(std::shared_ptr<const APIService> object) {
  AggregatedVersion::Sources sources{executor_, client_, remotes_, [this] { ++edition_; }};
  auto version = std::make_shared<AggregatedVersion>(std::move(sources), object);
  versions_.emplace(object->metadata.name, version);
  if (isOurs(*object)) {
    kLog.warn("this server goes on to serve what an APIService gives to another",
              {{"apiservice", object->metadata.name}});
  } else {
    routes_.emplace(groupVersionText(object->spec.group, object->spec.version), version);
    ++edition_;
  }
  version->start(gate_);
}

void Aggregator::drop(const std::string& name) {
  auto found = versions_.find(name);
  if (found == versions_.end()) return;
  const auto version = std::move(found->second);
  versions_.erase(found);
  version->stop();
  std::erase_if(routes_, [&](const auto& each) { return each.second == version; });
  if (remotes_) remotes_->forget(name);
  ++edition_;
}

/// Nobody needs to look: what this server serves is always there.
Task<void> Aggregator::tellLocal(std::shared_ptr<const APIService> object, Gate::Pass pass) {
  APIService next = *object;
  auto& conditions = next.status.conditions;
  std::erase_if(conditions, [](const auto& each) { return each.type == kAvailable; });
  auto& available = conditions.emplace_back();
  available.type = kAvailable;
  available.status = "True";
  available.reason = "Local";
  available.message = "Local APIServices are always available";
  available.lastTransitionTime = registryNow();
  auto updated =
      co_await client::update<APIService>(client_, std::move(next), "status", stop_.get_token());
  // Who changed it in between made an event of its own.
  if (!updated.ok() && !isConflict(updated.status()) && !isNotFound(updated.status())) {
    kLog.warn("condition of an APIService could not be written", {{"why", updated.status()}});
  }
}

Aggregator::Version Aggregator::lookUp(std::string_view path) const {
  if (routes_.empty()) return nullptr;
  auto found = routes_.find(groupVersionOf(path));
  return found == routes_.end() ? nullptr : found->second;
}

SubresourceHandler* Aggregator::find(std::string_view path) {
  return lookUp(path) ? this : nullptr;
}

void Aggregator::appendServed(std::vector<ServedResource>& to) const {
  for (const auto& [name, version] : routes_) version->appendServed(to);
}

void Aggregator::appendOpenApi(std::vector<std::pair<std::string, std::string>>& to) const {
  for (const auto& [groupVersion, version] : routes_) {
    if (!version->openApiUrl().empty())
      to.emplace_back("apis/" + groupVersion, version->openApiUrl());
  }
}

Task<Status> Aggregator::serve(Exchange& exchange) {
  const auto version = lookUp(exchange.request.path);
  auto connection =
      version && version->available() ? version->connection() : serviceUnavailable("");
  if (!connection.ok()) co_return co_await answerUnavailable(exchange, "service unavailable");
  co_return co_await forward(exchange, std::move(*connection));
}

}  // namespace coxswain::apiserver
