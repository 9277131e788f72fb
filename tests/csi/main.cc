// csi_test_driver: see README.md.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "client/http/http_client.h"
#include "client/http/kubeconfig.h"
#include "cmd/signal_stop.h"
#include "net/http_server.h"
#include "node_service.h"
#include "runtime/files.h"
#include "runtime/spawn.h"
#include "sidecar.h"

namespace coxswain::csi_test {
namespace {

Result<std::unique_ptr<net::HttpServer>> listen(Reactor& reactor, const std::string& socket,
                                                net::grpc::Server& services) {
  SystemFiles files;
  TRY_STATUS(files.mkdirs(std::string(parentPath(socket)), 0755));
  ::unlink(socket.c_str());
  net::HttpServerOptions options;
  options.endpoint = "unix://" + socket;
  return net::HttpServer::start(reactor, std::move(options), services);
}

Task<Status> runSidecar(Reactor& reactor, const DriverOptions& options, VolumeStore& store,
                        std::stop_token stop) {
  if (options.kubeconfig.empty()) {
    Event never;
    Status ignored = co_await never.wait(stop);
    (void)ignored;
    co_return Status();
  }
  CO_TRY(const auto file,
         client::KubeConfig::load(client::KubeConfigPaths::find(options.kubeconfig)));
  client::KubeConfigOverrides overrides;
  CO_TRY(auto resolved, client::resolveConfig(file, overrides));
  resolved.client.userAgent = "csi-test-driver";
  CO_TRY(auto rest, client::RestClient::create(reactor, std::move(resolved.client)));
  client::HttpClient client(*rest);
  Sidecar sidecar(client, reactor, options, store);
  co_await sidecar.run(stop);
  co_await rest->close();
  co_return Status();
}

Task<Status> run(Reactor& reactor, const DriverOptions& options, std::stop_token stop) {
  VolumeStore store(options.dataDir);
  NodeService node(options, store);
  RegistrationService registration(options);
  net::grpc::Server services;
  services.add("csi.v1.Identity", node);
  services.add("csi.v1.Node", node);
  net::grpc::Server registry;
  registry.add("pluginregistration.Registration", registration);
  CO_TRY(auto server, listen(reactor, options.socket, services));
  CO_TRY(auto registrar, listen(reactor, options.registrySocket, registry));
  Status status = co_await runSidecar(reactor, options, store, std::move(stop));
  ::unlink(options.registrySocket.c_str());
  co_await registrar->stop(1s);
  co_await server->stop(1s);
  ::unlink(options.socket.c_str());
  co_return status;
}

int usage() {
  std::fputs(
      "csi_test_driver --socket PATH --registry-socket PATH --data DIR [--kubeconfig FILE]\n"
      "                [--name NAME] [--node-id ID] [--max-volumes N]\n",
      stderr);
  return 2;
}

int start(int argc, char** argv) {
  DriverOptions options;
  const std::map<std::string, std::string*> texts = {
      {"--socket", &options.socket}, {"--registry-socket", &options.registrySocket},
      {"--data", &options.dataDir},  {"--kubeconfig", &options.kubeconfig},
      {"--name", &options.name},     {"--node-id", &options.nodeId},
  };
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 >= argc) return usage();
    if (flag == "--max-volumes") {
      options.volumesMax = std::atoll(argv[i + 1]);
    } else if (const auto text = texts.find(flag); text != texts.end()) {
      *text->second = argv[i + 1];
    } else {
      return usage();
    }
  }
  if (options.socket.empty() || options.registrySocket.empty() || options.dataDir.empty()) {
    return usage();
  }
  Reactor reactor;
  cmd::SignalStop signals(reactor);
  const Status status = blockOn(reactor, run(reactor, options, signals.token()));
  if (status.ok()) return 0;
  std::fprintf(stderr, "csi_test_driver: %s\n", status.toString().c_str());
  return 1;
}

}  // namespace
}  // namespace coxswain::csi_test

int main(int argc, char** argv) {
  return coxswain::csi_test::start(argc, argv);
}
