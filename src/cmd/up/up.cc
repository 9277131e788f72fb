#include <stdlib.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "cmd/commands.h"
#include "cmd/up/cluster.h"
#include "cmd/up/node.h"
#include "cmd/up/up_options.h"
#include "up/preflight.h"
#include "up/progress.h"
#include "up/supervisor.h"

namespace coxswain::cmd {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRoleVariable = "COXSWAIN_UP_ROLE";
constexpr std::chrono::milliseconds kLookEvery(20);
constexpr std::chrono::seconds kPatience(60);

UpRole ownRole() {
  const char* role = std::getenv(kRoleVariable);
  if (role == nullptr) return UpRole::User;
  if (std::string_view(role) == "supervisor") return UpRole::Supervisor;
  return std::string_view(role) == "server" ? UpRole::Server : UpRole::User;
}

void addFlags(CLI::App& app, UpOptions& options) {
  app.add_option("--data-dir", options.dataDir, "folder of everything the cluster keeps")
      ->capture_default_str();
  app.add_option("--node-name", options.nodeName,
                 "name of this node; the host's name if not given");
  app.add_option("--node-ip", options.nodeIp,
                 "address of this node; that of the default route if not given");
  app.add_option("--bind-address", options.bindAddress, "where the API server listens")
      ->capture_default_str();
  app.add_option("--secure-port", options.securePort, "the API server's port")
      ->capture_default_str();
  app.add_option("--kubelet-port", options.kubeletPort, "the kubelet's port")
      ->capture_default_str();
  app.add_option("--cluster-cidr", options.clusterCidr, "addresses of pods")->capture_default_str();
  app.add_option("--service-cluster-ip-range", options.serviceCidr, "addresses of Services")
      ->capture_default_str();
  app.add_option("--cluster-domain", options.clusterDomain, "domain of cluster names")
      ->capture_default_str();
  app.add_option("--token-auth-file", options.tokenAuthFile,
                 "static tokens: lines of token,user,uid,\"group1,group2\"");
  app.add_option(
      "--container-runtime-endpoint", options.runtimeEndpoint,
      "a container runtime that runs already (unix:///...); otherwise up starts its own");
  app.add_option("--scheduler-config", options.schedulerConfig,
                 "KubeSchedulerConfiguration file: profiles of the scheduler");
  app.add_option("--cni-bin-dir", options.cniPluginFolder,
                 "folder of the CNI plugins; found if not given");
  options.metrics.resource = true;
  addMetricsFlags(app, options.metrics);
  addAutoscalerFlags(app, options.autoscaler);
  app.add_flag("--load-balancers,!--no-load-balancers", options.loadBalancers,
               "answer Services of type LoadBalancer on the node's addresses; off: leave them to "
               "somebody else")
      ->capture_default_str();
  app.add_flag("--local-path-provisioner,!--no-local-path-provisioner", options.localPath,
               "make volumes for claims out of folders of this node; off: none is made, and those "
               "that are there stay")
      ->capture_default_str();
  app.add_option("--local-path-dir", options.localPathFolder,
                 "where those folders are; DATA-DIR/local-path if not given");
  app.add_option("--local-path-class", options.localPathClass,
                 "name of the StorageClass of such volumes, made where there is none; the default "
                 "class, unless another one is")
      ->capture_default_str();
  app.add_flag("--foreground", options.foreground, "stay in the foreground until interrupted");
}

std::vector<std::string> ownCommand(const std::vector<std::string>& flags) {
  std::vector<std::string> argv = {fs::read_symlink("/proc/self/exe").string(), "up"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  return argv;
}

void printHints(const UpOptions& options) {
  auto kubeconfig = options.layout().kubeconfig();
  std::printf("\nThe cluster is up. Its kubeconfig: %s\n\n", kubeconfig.c_str());
  std::printf(
      "Next:\n  export KUBECONFIG=%s\n  coxswain get nodes\n  coxswain create deployment "
      "hello --image=nginx\n",
      kubeconfig.c_str());
}

bool reportProblems(const UpOptions& options) {
  up::PreflightRequest request;
  request.ports = {options.securePort, options.kubeletPort, NodeOptions().dnsPort,
                   kProxyHealthPort};
  request.ownContainerd = options.runtimeEndpoint.empty();
  request.cniPluginFolder = options.cniPluginFolder;
  auto found = up::inspect(request);
  if (found.problems.empty()) return false;
  std::fprintf(stderr, "coxswain up cannot start here:\n%s", up::describe(found.problems).c_str());
  return true;
}

/// Shows stages as they come. The exit code.
int followProgress(const UpOptions& options, pid_t supervisor) {
  auto layout = options.layout();
  const auto log = layout.logs() + "/coxswain.log";
  const auto patience = std::chrono::steady_clock::now() + kPatience;
  bool told = false;
  size_t shown = 0;
  while (true) {
    auto progress = up::readProgress(layout.progressFile());
    for (; shown < progress.stages.size(); ++shown) {
      std::printf("  %s ...\n", progress.stages[shown].c_str());
      std::fflush(stdout);
    }
    if (progress.ready) return 0;
    if (!told && std::chrono::steady_clock::now() > patience) {
      told = true;
      std::printf("  (this takes unusually long; what happens stands in %s)\n", log.c_str());
      std::fflush(stdout);
    }
    if (!progress.failure.empty()) {
      std::fprintf(stderr, "coxswain up failed: %s\n(log: %s)\n", progress.failure.c_str(),
                   log.c_str());
      return 1;
    }
    if (::waitpid(supervisor, nullptr, WNOHANG) != 0) {
      std::fprintf(stderr, "coxswain up ended unexpectedly; its log: %s\n", log.c_str());
      return 1;
    }
    // Another process writes the file; there is nothing to be woken by.
    std::this_thread::sleep_for(kLookEvery);
  }
}

int startDetached(const UpOptions& options, const std::vector<std::string>& flags) {
  auto layout = options.layout();
  std::error_code error;
  for (const auto& folder : {layout.logs(), layout.run}) {
    fs::create_directories(folder, error);
    if (error) {
      std::fprintf(stderr, "coxswain up: create %s: %s\n", folder.c_str(), error.message().c_str());
      return 1;
    }
  }
  Status fresh = up::ProgressWriter(layout.progressFile()).begin();
  if (!fresh.ok()) {
    std::fprintf(stderr, "coxswain up: %s\n", fresh.message().c_str());
    return 1;
  }
  ::setenv(kRoleVariable, "supervisor", 1);
  auto supervisor = up::startDetached(ownCommand(flags), layout.logs() + "/coxswain.log");
  ::unsetenv(kRoleVariable);
  if (!supervisor.ok()) {
    std::fprintf(stderr, "coxswain up: %s\n", supervisor.status().message().c_str());
    return 1;
  }
  std::printf("Starting a cluster in %s\n", layout.data.c_str());
  int code = followProgress(options, *supervisor);
  if (code == 0) printHints(options);
  return code;
}

int runSupervisor(const UpOptions& options, const std::vector<std::string>& flags) {
  ::setenv(kRoleVariable, "server", 1);
  up::SupervisorOptions supervisor;
  supervisor.argv = ownCommand(flags);
  supervisor.lockFile = options.layout().lockFile();
  return up::supervise(supervisor);
}

int runServer(const UpOptions& options) {
  bool wasReady = false;
  Status status = runCluster(options, wasReady);
  if (status.ok()) return 0;
  std::fprintf(stderr, "coxswain up: %s\n", status.message().c_str());
  // What never worked would fail the same way again; what did is worth another try.
  return wasReady ? 1 : up::kExitGivenUp;
}

}  // namespace

int up(int argc, char** argv) {
  UpOptions options;
  CLI::App app("Starts a whole cluster on this machine, or goes on with the one that is there",
               "up");
  addFlags(app, options);
  std::vector<std::string> flags(argv, argv + argc);
  try {
    // CLI11 takes them last first.
    app.parse(std::vector<std::string>(flags.rbegin(), flags.rend()));
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  options.dataDir = fs::absolute(options.dataDir).lexically_normal().string();
  if (!options.localPathFolder.empty()) {
    auto& folder = options.localPathFolder;
    folder = fs::absolute(folder).lexically_normal().string();
    if (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  }

  switch (ownRole()) {
    case UpRole::Supervisor:
      return runSupervisor(options, flags);
    case UpRole::Server:
      return runServer(options);
    case UpRole::User:
      break;
  }
  if (auto pid = up::runningSupervisor(options.layout().lockFile())) {
    std::printf("A cluster runs here already (pid %d).\n", static_cast<int>(*pid));
    printHints(options);
    return 0;
  }
  if (reportProblems(options)) return 1;
  return options.foreground ? runServer(options) : startDetached(options, flags);
}

}  // namespace coxswain::cmd
