#pragma once

#include <string>

namespace coxswain::up {

/// Where a single-machine cluster keeps what it has. `data` survives a stop, `run` does not need
/// to.
struct Layout {
  std::string data = "/var/lib/coxswain";
  std::string run = "/run/coxswain";

  /// The default folders, or `data` with its run folder inside it: several clusters never share
  /// one.
  static Layout at(std::string data);

  [[nodiscard]] std::string kubeconfig() const { return data + "/kubeconfig/admin.conf"; }
  /// Where it and those of the parts lie.
  [[nodiscard]] std::string kubeconfigFolder() const { return data + "/kubeconfig"; }
  [[nodiscard]] std::string pki() const { return data + "/pki"; }
  [[nodiscard]] std::string logs() const { return data + "/logs"; }
  [[nodiscard]] std::string kubelet() const { return data + "/kubelet"; }
  [[nodiscard]] std::string cniConfig() const { return data + "/cni/net.d"; }
  /// What volumes of class local-path have.
  [[nodiscard]] std::string localPath() const { return data + "/local-path"; }
  /// host-local's allocations.
  [[nodiscard]] std::string cniState() const { return data + "/cni/networks"; }
  [[nodiscard]] std::string containerdRoot() const { return data + "/containerd"; }
  [[nodiscard]] std::string containerdConfig() const { return data + "/containerd.toml"; }
  [[nodiscard]] std::string containerdState() const { return run + "/containerd"; }
  [[nodiscard]] std::string containerdSocket() const { return run + "/containerd/containerd.sock"; }
  /// The cgroup under which all pods are, "coxswain" or "coxswain-1a2b3c4d": what another kubelet
  /// of this machine has is none of ours.
  [[nodiscard]] std::string cgroup() const;
  /// Those of the default folders are where log collectors look.
  [[nodiscard]] std::string podLogs() const;
  /// Links to the logs; empty: none.
  [[nodiscard]] std::string containerLogs() const;
  /// Held locked by the supervisor; its text is the supervisor's pid.
  [[nodiscard]] std::string lockFile() const { return run + "/up.lock"; }
  /// One line for each stage of the start: "stage STAGE", "ready" or "failed WHY".
  [[nodiscard]] std::string progressFile() const { return run + "/progress"; }
};

}  // namespace coxswain::up
