#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/client.h"
#include "client/http/http_client.h"
#include "client/http/rest_client.h"
#include "client/informers.h"
#include "programs.h"
#include "runtime/random.h"
#include "runtime/reactor.h"

namespace coxswain::integration {

class FakeKubelet;

/// kube-apiserver, kube-controller-manager and kube-scheduler of $COXSWAIN_BIN in a folder of their
/// own, each with the kubeconfig that the API server made for it; an administrator's client; and a
/// kubelet that only pretends, for the nodes that tests add. Logs stay in the folder until the end;
/// a failed start prints them.
///
///     CO_TRY(auto plane, co_await ControlPlane::start(reactor));
///     ...   plane->client() ... co_await plane->until([&] { return ...; }) ...
///     co_await plane->stop();   // always
class ControlPlane {
 public:
  static Task<Result<std::unique_ptr<ControlPlane>>> start(Reactor& reactor);
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  client::Client& client() { return *client_; }
  client::Informers& informers() { return *informers_; }
  /// A node that is ready, with room for pods.
  Task<Status> addNode(std::string name);
  /// Looks again and again until it holds; false: not within 60 seconds.
  Task<bool> until(std::function<bool()> condition);
  Task<void> stop();

 private:
  explicit ControlPlane(Reactor& reactor);
  Task<Status> launch();
  Task<Status> waitServing();

  Reactor& reactor_;
  SystemRandom random_;
  Programs programs_;
  std::unique_ptr<client::RestClient> rest_;
  std::unique_ptr<client::HttpClient> client_;
  std::unique_ptr<client::Informers> informers_;
  std::unique_ptr<FakeKubelet> kubelet_;
};

}  // namespace coxswain::integration
