#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
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
/// kubelet that only pretends, for the nodes that tests add, or hollow-nodes as a fourth program.
/// Logs stay in the folder until the end; a failed start prints them.
///
///     CO_TRY(auto plane, co_await ControlPlane::start(reactor));
///     ...   plane->client() ... co_await plane->until([&] { return ...; }) ...
///     co_await plane->stop();   // always
class ControlPlane {
 public:
  struct Options {
    /// Of the program hollow-nodes, "hollow-0" and on; 0: a kubelet of the test for nodes it adds.
    int hollowNodes = 0;
    /// Of kube-controller-manager and kube-scheduler.
    std::vector<std::string> flags;
  };
  static Task<Result<std::unique_ptr<ControlPlane>>> start(Reactor& reactor, Options options);
  static Task<Result<std::unique_ptr<ControlPlane>>> start(Reactor& reactor) {
    return start(reactor, Options());
  }
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  client::Client& client() { return *client_; }
  client::Informers& informers() { return *informers_; }
  Programs& programs() { return programs_; }
  /// kube-controller-manager or kube-scheduler, another one; its log is PART-NUMBER.log.
  Status startPart(const std::string& part, int number);
  /// A node that is ready, with room for pods.
  Task<Status> addNode(std::string name);
  /// Looks again and again until it holds; false: not within 4 minutes, which no
  /// machine needs.
  Task<bool> until(std::function<bool()> condition);
  Task<void> stop();

 private:
  ControlPlane(Reactor& reactor, Options options);
  Task<Status> launch();
  Task<Status> waitServing();
  Task<Status> makeReady(api::core::v1::Node next);

  Reactor& reactor_;
  Options options_;
  SystemRandom random_;
  Programs programs_;
  std::unique_ptr<client::RestClient> rest_;
  std::unique_ptr<client::HttpClient> client_;
  std::unique_ptr<client::Informers> informers_;
  std::unique_ptr<FakeKubelet> kubelet_;
};

}  // namespace coxswain::integration
