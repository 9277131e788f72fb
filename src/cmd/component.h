#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "client/client.h"
#include "client/http/client_config.h"
#include "runtime/random.h"
#include "runtime/reactor.h"
#include "runtime/task.h"

namespace coxswain::cmd {

/// Flags that kube-controller-manager and kube-scheduler share; names and defaults as upstream.
struct ComponentFlags {
  std::string component;   ///< "kube-scheduler"
  std::string kubeconfig;  ///< empty: the service account of this pod
  std::string master;      ///< the server's URL instead of the kubeconfig's
  bool leaderElect = true;
  std::string leaseDuration = "15s";
  std::string renewDeadline = "10s";
  std::string retryPeriod = "2s";
  std::string leaseName;
  std::string leaseNamespace = "kube-system";
  std::string bindAddress = "0.0.0.0";
  uint16_t securePort = 0;  ///< 0: no health endpoints
  std::string tlsCertFile;
  std::string tlsPrivateKeyFile;
  bool protobuf = true;  ///< bodies to and from the server; false: JSON
};

/// Those alone that say where the API server is.
void addClientFlags(CLI::App& app, ComponentFlags& flags);
/// The component's name is set already; the port is the default one.
void addComponentFlags(CLI::App& app, ComponentFlags& flags);

/// What a component runs with. All of it outlives the work.
struct Component {
  client::Client& client;
  Reactor& reactor;
  Random& random;
  const client::ClientConfig& config;  ///< of the client
};
/// Until the token is requested.
using ComponentWork = std::function<Task<Status>(Component, std::stop_token)>;

/// Parses arguments, asks `check` whether they make sense, makes the client, serves health, waits
/// for leadership where asked for, works until SIGINT or SIGTERM. Returns the exit code.
int runComponent(CLI::App& app, ComponentFlags& flags, int argc, char** argv,
                 const std::function<Status()>& check, ComponentWork work);

}  // namespace coxswain::cmd
