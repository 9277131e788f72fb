#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "cli/run.h"
#include "cmd/commands.h"
#include "up/layout.h"

namespace coxswain::cmd {
namespace {

/// Where the user says nothing of a cluster, the one of `coxswain up` on this machine is meant.
void preferOwnCluster() {
  if (std::getenv("KUBECONFIG") != nullptr) return;
  const char* home = std::getenv("HOME");
  if (home != nullptr && ::access((std::string(home) + "/.kube/config").c_str(), F_OK) == 0) return;
  const auto own = up::Layout().kubeconfig();
  if (::access(own.c_str(), R_OK) == 0) ::setenv("KUBECONFIG", own.c_str(), 1);
}

}  // namespace

int kubectl(int argc, char** argv) {
  preferOwnCluster();
  std::vector<const char*> args(argv, argv + argc);
  return cli::run(args);
}

}  // namespace coxswain::cmd
