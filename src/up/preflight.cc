#include "up/preflight.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "runtime/process.h"

namespace coxswain::up {
namespace fs = std::filesystem;
namespace {

struct Program {
  std::string_view name;
  std::string_view package;
  bool runtime;  ///< only where containerd is our own
};

constexpr Program kPrograms[] = {
    {"containerd", "containerd", true}, {"containerd-shim-runc-v2", "containerd", true},
    {"ctr", "containerd", true},        {"runc", "runc", true},
    {"nft", "nftables", false},         {"iptables", "iptables", false},
    {"ip", "iproute2", false},          {"mount", "mount", false},
};

constexpr std::string_view kCniFolders[] = {"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"};
constexpr std::string_view kCniPlugins[] = {"bridge", "host-local", "portmap", "loopback"};

bool holdsPlugins(const std::string& folder) {
  return std::all_of(std::begin(kCniPlugins), std::end(kCniPlugins), [&](std::string_view plugin) {
    return ::access((folder + "/" + std::string(plugin)).c_str(), X_OK) == 0;
  });
}

bool portIsFree(uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  int one = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(port);
  bool free =
      ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 || errno != EADDRINUSE;
  ::close(fd);
  return free;
}

/// Socket inode of who listens on `port`, as /proc/net/tcp has it; empty: nobody.
std::string listenerInode(uint16_t port) {
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream words(line);
      std::string index;
      std::string local;
      std::string remote;
      std::string state;
      std::string skipped;
      std::string inode;
      words >> index >> local >> remote >> state;
      for (int i = 0; i < 5; ++i) words >> skipped;
      words >> inode;
      auto colon = local.rfind(':');
      if (state != "0A" || colon == std::string::npos) continue;
      if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) return inode;
    }
  }
  return {};
}

/// "nginx (pid 712)" of who holds the socket; empty where it cannot be found.
std::string ownerOf(const std::string& inode) {
  const auto wanted = "socket:[" + inode + "]";
  std::error_code error;
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    auto pid = process.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    for (const auto& fd : fs::directory_iterator(process.path() / "fd", error)) {
      if (fs::read_symlink(fd.path(), error).string() != wanted) continue;
      std::string name;
      std::ifstream(process.path() / "comm") >> name;
      return name + " (pid " + pid + ")";
    }
  }
  return {};
}

void checkPorts(const std::vector<uint16_t>& ports, std::vector<Problem>& problems) {
  for (auto port : ports) {
    if (portIsFree(port)) continue;
    auto inode = listenerInode(port);
    auto owner = inode.empty() ? std::string() : ownerOf(inode);
    problems.push_back(
        {"port " + std::to_string(port) + " is in use" + (owner.empty() ? "" : " by " + owner),
         "stop that program, or choose other ports: see coxswain up --help"});
  }
}

void checkPrograms(const PreflightRequest& request, Preflight& result) {
  std::map<std::string_view, std::string> missing;  // package -> programs
  for (const auto& program : kPrograms) {
    if (program.runtime && !request.ownContainerd) continue;
    auto path = findProgram(std::string(program.name)).valueOr(std::string());
    if (program.name == "containerd") result.facts.containerd = path;
    if (program.name == "ctr") result.facts.ctr = path;
    if (!path.empty()) continue;
    auto& names = missing[program.package];
    names += (names.empty() ? "" : ", ") + std::string(program.name);
  }
  for (const auto& [package, names] : missing) {
    result.problems.push_back(
        {names + ": not found in PATH", "sudo apt-get install " + std::string(package)});
  }
}

void checkCni(const PreflightRequest& request, Preflight& result) {
  auto& folder = result.facts.cniPluginFolder;
  if (!request.cniPluginFolder.empty()) {
    folder = request.cniPluginFolder;
  } else {
    for (auto candidate : kCniFolders) {
      if (!holdsPlugins(std::string(candidate))) continue;
      folder = candidate;
      break;
    }
  }
  if (folder.empty() || !holdsPlugins(folder)) {
    result.problems.push_back(
        {"CNI plugins bridge, host-local, portmap and loopback: not found" +
             (folder.empty() ? std::string() : " in " + folder),
         "sudo apt-get install containernetworking-plugins, or --cni-bin-dir"});
  }
}

}  // namespace

Preflight inspect(const PreflightRequest& request) {
  Preflight result;
  if (::geteuid() != 0) {
    result.problems.push_back(
        {"this must run as root: containers, mounts and packet rules need it", "sudo coxswain up"});
  }
  checkPrograms(request, result);
  checkCni(request, result);
  checkPorts(request.ports, result.problems);
  return result;
}

std::string describe(const std::vector<Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) {
    text += "  * " + problem.what + "\n    fix: " + problem.fix + "\n";
  }
  return text;
}

}  // namespace coxswain::up
