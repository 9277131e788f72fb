#include "proxy/testing/network.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/assert.h"
#include "runtime/spawn.h"

namespace coxswain::proxy::testing {
namespace {

std::string peerScript() {
  const char* source = std::getenv("COXSWAIN_SOURCE");
  return std::string(source ? source : ".") + "/src/proxy/testing/peer.py";
}

std::string fileText(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

std::string missingForNetworks() {
  for (const char* program : {"nft", "ip", "python3", "unshare", "nsenter", "conntrack"}) {
    if (!findProgram(program).ok()) return std::string(program) + " is missing";
  }
  if (::geteuid() != 0) return "not root";
  if (std::system("unshare --net nft list tables >/dev/null 2>&1") != 0)
    return "no network namespaces or no nftables here";
  if (std::system("unshare --net ip -6 addr add fd00::1/128 dev lo >/dev/null 2>&1") != 0)
    return "no IPv6 here";
  return {};
}

Network::Network(Reactor& reactor) : processes_(systemProcesses(reactor)) {
  COXSWAIN_ASSERT(::unshare(CLONE_NEWNET) == 0);
  char name[] = "/tmp/coxswain-network-XXXXXX";
  folder_ = ::mkdtemp(name);
}

Network::~Network() {
  for (auto& server : servers_) (void)server->signalGroup(SIGKILL);
  for (auto& [name, child] : namespaces_) (void)child->signalGroup(SIGKILL);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Task<Result<std::string>> Network::shell(std::string where, std::string command) {
  RunOptions options;
  if (where != "node") {
    auto pid = std::to_string(namespaces_.at(where)->pid());
    options.argv = {"nsenter", "--net=/proc/" + pid + "/ns/net"};
  }
  for (const char* word : {"sh", "-ec"}) options.argv.emplace_back(word);
  options.argv.push_back(command);
  CO_TRY(auto run, co_await processes_->run(std::move(options), {}));
  if (!run.exit.ok())
    co_return internalError(where + ": " + command + ": " + run.exit.describe() + " " + run.error);
  co_return std::move(run.output);
}

Task<std::vector<std::string>> Network::ask(std::string where, std::string protocol,
                                            std::string address, int port, int count,
                                            int sourcePort) {
  auto command = "exec python3 " + peerScript() + " ask " + protocol + " " + address + " " +
                 std::to_string(port) + " " + std::to_string(count);
  if (sourcePort != 0) command += " " + std::to_string(sourcePort);
  auto output = co_await shell(std::move(where), std::move(command));
  std::vector<std::string> lines;
  if (!output.ok()) {
    lines.push_back(output.status().toString());
    co_return lines;
  }
  std::istringstream text(*output);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  co_return lines;
}

Task<std::string> Network::askInVain(std::string where, std::string address, int port) {
  auto output =
      co_await shell(std::move(where), "exec python3 " + peerScript() + " ask-briefly tcp " +
                                           address + " " + std::to_string(port) + " 1");
  co_return output.ok() ? output->substr(0, output->find('\n')) : output.status().toString();
}

Task<Status> Network::addNamespace(std::string name) {
  ChildOptions options;
  options.argv = {"unshare", "--net", "sh", "-c",
                  "ip link set lo up; touch " + folder_ + "/" + name + "; exec sleep 100000"};
  options.deathSignal = SIGKILL;
  CO_TRY(auto child, processes_->start(std::move(options)));
  namespaces_[name] = std::move(child);
  for (int i = 0; i < 60000 && !std::filesystem::exists(folder_ + "/" + name); ++i)
    (void)co_await sleepFor(1ms);
  co_return std::filesystem::exists(folder_ + "/" + name) ? Status()
                                                          : internalError("no namespace " + name);
}

Task<Status> Network::serve(std::string name) {
  ChildOptions options;
  auto pid = std::to_string(namespaces_.at(name)->pid());
  options.argv = {
      "nsenter", "--net=/proc/" + pid + "/ns/net", "python3", peerScript(), "serve", name, "8080"};
  options.deathSignal = SIGKILL;
  options.logFile = folder_ + "/" + name + ".log";
  CO_TRY(auto child, processes_->start(std::move(options)));
  servers_.push_back(std::move(child));
  co_return Status();
}

Task<Status> Network::build() {
  for (const char* name : {"world", "pod-1", "pod-2", "pod-3"}) {
    CO_TRY_STATUS(co_await addNamespace(name));
  }
  std::string script =
      "ip link set lo up\n"
      "ip link add cni0 type bridge\n"
      "ip addr add 10.244.0.1/24 dev cni0\n"
      "ip -6 addr add fd00:10:244::1/64 dev cni0 nodad\n"
      "ip link set cni0 up\n"
      "ip link add out type veth peer name eth0 netns " +
      std::to_string(namespaces_.at("world")->pid()) +
      "\nip addr add 192.0.2.1/24 dev out\n"
      "ip -6 addr add fd00:192::1/64 dev out nodad\n"
      "ip link set out up\n"
      "ip link add uplink type bridge; ip addr add 203.0.113.1/24 dev uplink; ip link set uplink "
      "up\n"
      "ip route add default via 203.0.113.2\n";
  for (int i = 1; i <= 3; ++i) {
    auto n = std::to_string(i);
    script += "ip link add veth" + n + " type veth peer name eth0 netns " +
              std::to_string(namespaces_.at("pod-" + n)->pid()) + "\nip link set veth" + n +
              " master cni0 up\nip link set dev veth" + n + " type bridge_slave hairpin on\n";
  }
  auto made = co_await shell("node", script);
  if (!made.ok()) co_return made.status();
  made = co_await shell("world",
                        "ip addr add 192.0.2.2/24 dev eth0; ip link set eth0 up;"
                        "ip -6 addr add fd00:192::2/64 dev eth0 nodad;"
                        "ip route add 10.0.0.0/8 via 192.0.2.1;"
                        "ip route add 198.51.100.0/24 via 192.0.2.1;"
                        "ip -6 route add default via fd00:192::1");
  if (!made.ok()) co_return made.status();
  for (int i = 1; i <= 3; ++i) {
    auto n = std::to_string(i);
    made = co_await shell("pod-" + n, "ip addr add 10.244.0.1" + n +
                                          "/24 dev eth0; ip link set eth0 up;"
                                          "ip -6 addr add fd00:10:244::1" +
                                          n +
                                          "/64 dev eth0 nodad;"
                                          "ip route add default via 10.244.0.1;"
                                          "ip -6 route add default via fd00:10:244::1");
    if (!made.ok()) co_return made.status();
  }
  for (const char* name : {"world", "pod-1", "pod-2", "pod-3"}) {
    CO_TRY_STATUS(co_await serve(name));
  }
  for (const char* name : {"world", "pod-1", "pod-2", "pod-3"}) {
    const auto log = folder_ + "/" + name + ".log";
    for (int i = 0; i < 60000 && fileText(log).find('\n') == std::string::npos; ++i)
      (void)co_await sleepFor(1ms);
    if (fileText(log) != "ready\n") co_return internalError(name + (": " + fileText(log)));
  }
  co_return Status();
}

}  // namespace coxswain::proxy::testing
