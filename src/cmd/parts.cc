#include <cstdio>

#include "cmd/commands.h"
#include "cmd/part.h"

namespace coxswain::cmd {
namespace {

int version(int, char**) {
  std::printf("coxswain %s (Kubernetes 1.36 interfaces)\n", COXSWAIN_VERSION);
  return 0;
}

constexpr Part kParts[] = {
    {"dns", "answer for the names of services and pods", clusterDns},
    {"up", "start a whole cluster on this machine", up},
    {"down", "stop it; with --purge nothing is left", down},
    {"images", "load container images into it", images},
    {"hollow-nodes", "join many nodes that only pretend", hollowNodes},
    {"cloud-controller-manager", "tell nodes, Services and routes of the cloud",
     cloudControllerManager},
    {"kube-apiserver", "serve the Kubernetes API on an embedded store", kubeApiserver},
    {"kube-controller-manager", "run the controllers", kubeControllerManager},
    {"kube-proxy", "make services work on this node", kubeProxy},
    {"kube-scheduler", "give pods their nodes", kubeScheduler},
    {"kubectl", "control a cluster; its commands work without this word too", kubectl},
    {"kubelet", "run the pods of this node", kubelet},
    {"version", "print this program's version", version},
};

}  // namespace

std::span<const Part> parts() {
  return kParts;
}

}  // namespace coxswain::cmd
