#include "cmd/cni_config.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "api/names/ip.h"

namespace coxswain::cmd {

namespace json = boost::json;

Result<std::string> cniConfigList(const CniOptions& options) {
  auto prefix = api::parseCidr(options.podCidr);
  if (!prefix) return badRequest("pod CIDR \"" + options.podCidr + "\" is not a network");
  const int room = prefix->address.bits() - prefix->length;
  if (room < 2) return badRequest("pod CIDR " + options.podCidr + " has no room for pods");

  json::object ipam;
  ipam["type"] = "host-local";
  // Filled one by one: an array in braces of one array would be a copy of that.
  json::array range;
  range.emplace_back(json::object{{"subnet", prefix->str()}});
  json::array ranges;
  ranges.emplace_back(std::move(range));
  ipam["ranges"] = std::move(ranges);
  json::array routes;
  routes.emplace_back(json::object{{"dst", prefix->address.v6 ? "::/0" : "0.0.0.0/0"}});
  ipam["routes"] = std::move(routes);
  if (!options.stateFolder.empty()) ipam["dataDir"] = options.stateFolder;

  json::object bridge;
  bridge["type"] = "bridge";
  bridge["bridge"] = options.bridge;
  bridge["isGateway"] = true;
  // A pod that meets itself behind its service goes out and in by the same port of the bridge.
  bridge["hairpinMode"] = true;
  // The proxy masquerades what leaves the cluster (one rule, instead of iptables calls a pod).
  bridge["ipMasq"] = false;
  if (options.mtu > 0) bridge["mtu"] = options.mtu;
  bridge["ipam"] = std::move(ipam);

  json::object portmap;
  portmap["type"] = "portmap";
  portmap["capabilities"] = json::object{{"portMappings", true}};

  json::object list;
  list["cniVersion"] = "1.0.0";
  list["name"] = options.network;
  json::array plugins;
  plugins.emplace_back(std::move(bridge));
  plugins.emplace_back(std::move(portmap));
  list["plugins"] = std::move(plugins);
  return json::serialize(list) + "\n";
}

std::string cniLoopbackConfig() {
  return "{\"cniVersion\":\"1.0.0\",\"name\":\"lo\",\"type\":\"loopback\"}\n";
}

}  // namespace coxswain::cmd
