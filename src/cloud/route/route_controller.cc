#include "cloud/route/route_controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/codec/json_writer.h"
#include "api/gen/meta_v1.h"
#include "api/helpers/pods.h"
#include "client/resources.h"

namespace coxswain::cloud {

using api::core::v1::Node;

namespace {

constexpr const char* kRound = "round";  // one key: routes are looked at all at once
constexpr std::string_view kNetworkUnavailable = "NetworkUnavailable";

controllers::Controller::Options controllerOptions() {
  controllers::Controller::Options o;
  o.name = "route_controller";
  o.workers = 1;
  o.queue.maxDelay = 60s;
  return o;
}

bool within(const std::string& cidr, const std::vector<api::IpPrefix>& ranges) {
  const auto prefix = api::parseCidr(cidr);
  return prefix && std::any_of(ranges.begin(), ranges.end(), [&prefix](const auto& range) {
           return range.length <= prefix->length && range.contains(prefix->address);
         });
}

}  // namespace

RoutePlan planRoutes(const std::vector<NodePtr>& nodes, const std::vector<Route>& routes,
                     const std::vector<api::IpPrefix>& clusterCidrs) {
  RoutePlan plan;
  std::map<std::string, std::string> owners;  // by range
  for (const auto& node : nodes) {
    for (const auto& cidr : node->spec.podCIDRs) owners[cidr] = node->metadata.name;
  }
  std::map<std::string, std::string> routed;
  for (const auto& route : routes) {
    if (!within(route.cidr, clusterCidrs)) continue;  // somebody else's
    const auto owner = owners.find(route.cidr);
    const bool right = owner != owners.end() && owner->second == route.node && !route.blackhole;
    if (right && routed.emplace(route.cidr, route.node).second) continue;
    plan.remove.push_back(route);
  }
  for (const auto& node : nodes) {
    bool all = !node->spec.podCIDRs.empty();
    for (const auto& cidr : node->spec.podCIDRs) {
      if (routed.contains(cidr)) continue;
      all = false;
      plan.create.push_back({node->metadata.uid, node->metadata.name, cidr, false});
    }
    if (all) plan.routed.push_back(node->metadata.name);
  }
  return plan;
}

RouteController::RouteController(const controllers::Context& context, Routes& routes,
                                 Options options)
    : Controller(context, controllerOptions()),
      routes_(routes),
      options_(std::move(options)),
      nodes_(use<Node>()) {
  nodes_.addHandler([this](const client::Change& change) {
    const auto* before = change.before.as<Node>();
    const auto* after = change.after.as<Node>();
    if (before && after && before->spec.podCIDRs == after->spec.podCIDRs) return;
    queue().add(kRound);
  });
}

Task<Result<Duration>> RouteController::reconcile(std::string /*key*/, std::stop_token stop) {
  CO_TRY(auto routes, co_await routes_.list(stop));
  std::vector<NodePtr> nodes;
  nodes_.forEach(
      [&nodes](const api::ConstObject& object) { nodes.push_back(object.sharedAs<Node>()); });
  auto plan = planRoutes(nodes, routes, options_.clusterCidrs);
  // A wrong route goes before the right one comes: a range has one at a time.
  for (auto& route : plan.remove) CO_TRY_STATUS(co_await routes_.remove(route, stop));
  std::map<std::string, bool> made;
  for (const auto& name : plan.routed) made[name] = true;
  for (auto& route : plan.create) {
    const auto start = executor().now();
    Status created = co_await routes_.create(route, stop);
    if (isCanceled(created)) co_return created;
    auto entry = made.emplace(route.node, true).first;
    if (created.ok()) continue;
    entry->second = false;
    api::core::v1::ObjectReference node;
    node.apiVersion = "v1";
    node.kind = "Node";
    node.name = node.uid = route.node;
    events().event(node, client::kEventWarning, "FailedToCreateRoute",
                   fmt::format("Could not create route {} {} for node {} after {}: {}", route.name,
                               route.cidr, route.node,
                               api::GoDuration(executor().now() - start).str(), created.message()));
  }
  bool all = true;
  for (const auto& node : nodes) {
    const auto state = made.find(node->metadata.name);
    if (state == made.end()) continue;  // no range yet
    all = all && state->second;
    CO_TRY_STATUS(co_await setCondition(node, state->second, stop));
  }
  if (!all) co_return serviceUnavailable("not all routes could be created");
  co_return options_.period;
}

Task<Status> RouteController::setCondition(NodePtr node, bool routed, std::stop_token stop) {
  const std::string wanted = routed ? "False" : "True";
  const auto* condition = api::findNodeCondition(*node, kNetworkUnavailable);
  if (condition && condition->status == wanted) co_return Status();
  const auto time = api::Time(now()).str();
  const std::pair<const char*, std::string> fields[] = {
      {"type", std::string(kNetworkUnavailable)},
      {"status", wanted},
      {"reason", routed ? "RouteCreated" : "NoRouteCreated"},
      {"message",
       routed ? "RouteController created a route" : "RouteController failed to create a route"},
      {"lastHeartbeatTime", time},
      {"lastTransitionTime", time}};
  std::string body;
  api::JsonTextWriter writer(body);
  writer.beginObject();
  writer.plainKey("status");
  writer.beginObject();
  writer.plainKey("conditions");
  writer.beginArray();
  writer.beginObject();
  for (const auto& [key, value] : fields) {
    writer.plainKey(key);
    writer.string(value);
  }
  writer.endObject();
  writer.endArray();
  writer.endObject();
  writer.endObject();
  writer.finish();
  // Conditions merge by their type: those of others stay.
  auto patched =
      co_await client().patch(client::resourceOf<Node>(), "", node->metadata.name, "status",
                              client::PatchType::StrategicMerge, std::move(body), stop);
  co_return isNotFound(patched.status()) ? Status() : patched.status();
}

}  // namespace coxswain::cloud
