#include "kubelet/server/kubelet_server.h"

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "base/log.h"
#include "kubelet/server/answers.h"
#include "kubelet/server/container_route.h"
#include "net/url.h"

namespace coxswain::kubelet::server {
namespace {

const Logger log("kubelet.server");

std::string podListJson(const std::vector<Backend::PodPointer>& pods) {
  api::core::v1::PodList list;
  list.items.reserve(pods.size());
  for (const auto& pod : pods) list.items.push_back(*pod);
  return api::encodeJson(list);
}

Status pageNotFound() {
  return Status(Reason::NotFound, 404, "404: Page Not Found");
}
Status wrongMethod() {
  return Status(Reason::MethodNotAllowed, 405, "405: Method Not Allowed");
}

/// What a path asks for, once the caller may ask.
class Router final : public net::Handler {
 public:
  Router(Reactor& reactor, Backend& backend, const KubeletServerOptions& options)
      : reactor_(reactor),
        backend_(backend),
        tokens_(options.tokens),
        authorizer_(options.authorizer ? *options.authorizer : byGroup_),
        healthz_(backend) {}

  Task<void> serve(net::Request& request, net::ResponseWriter& response) override {
    Status served = co_await admit(request);
    if (served.ok()) served = co_await route(request, response);
    if (served.ok()) co_return;
    if (response.started()) {
      if (!isCanceled(served) && !isUnreachable(served))
        log.warn("answer broken off", {{"path", request.path}, {"error", served}});
      co_return;
    }
    Status sent = co_await answerFailure(response, served);
  }

 private:
  Task<Status> admit(net::Request& request) {
    auto caller = co_await authenticate(request, tokens_, request.stop);
    if (!caller.ok()) co_return caller.status();
    AccessQuestion question;
    question.caller = std::move(*caller);
    question.verb = std::string(verbOf(request.method));
    question.nodeName = backend_.nodeName();
    question.path = request.path;
    // By the decoded path, which is what the routes go by.
    CO_TRY(auto segments, net::pathSegments(request.path));
    std::string canonical = "/";
    if (!segments.empty()) canonical += segments.front();
    question.subresources = subresourcesOf(canonical);
    co_return co_await authorizer_.authorize(std::move(question), request.stop);
  }

  Task<Status> route(net::Request& request, net::ResponseWriter& response) {
    CO_TRY(auto segments, net::pathSegments(request.path));
    if (segments.empty()) co_return pageNotFound();
    auto first = segments.front();
    segments.erase(segments.begin());
    bool get = request.method == "GET" || request.method == "HEAD";
    bool getOrPost = get || request.method == "POST";
    RouteContext context{reactor_, backend_, request, response};
    if (first == "exec" || first == "attach" || first == "portForward" || first == "run" ||
        first == "containerLogs") {
      auto address = parseAddress(segments, first != "portForward");
      if (!address) co_return pageNotFound();
      if (first == "run") {
        if (request.method != "POST") co_return wrongMethod();
        co_return co_await serveRun(context, std::move(*address));
      }
      if (first == "containerLogs") {
        if (!address->podUid.empty()) co_return pageNotFound();
        if (!get) co_return wrongMethod();
        co_return co_await serveLogs(context, std::move(*address));
      }
      if (!getOrPost) co_return wrongMethod();
      if (first == "exec") co_return co_await serveExec(context, std::move(*address));
      if (first == "attach") co_return co_await serveAttach(context, std::move(*address));
      co_return co_await servePorts(context, std::move(*address));
    }
    if (!get) co_return wrongMethod();
    if (first == "healthz") {
      co_await healthz_.serve(request, response);
      co_return Status();
    }
    if (first == "stats" && segments.size() == 1 && segments[0] == "summary") {
      CO_TRY(auto summary, co_await backend_.statsSummary(request.stop));
      co_return co_await answerJson(response, std::move(summary));
    }
    if (first == "metrics" && segments.size() == 1 && segments[0] == "resource") {
      CO_TRY(auto text, co_await backend_.resourceMetrics(request.stop));
      co_return co_await answerMetrics(response, std::move(text));
    }
    if (!segments.empty()) co_return pageNotFound();
    if (first == "pods") co_return co_await answerJson(response, podListJson(backend_.pods()));
    if (first == "runningpods") {
      CO_TRY(auto pods, co_await backend_.runningPods(request.stop));
      co_return co_await answerJson(response, podListJson(pods));
    }
    if (first == "metrics") {
      CO_TRY(auto text, co_await backend_.metricsText(request.stop));
      co_return co_await answerMetrics(response, std::move(text));
    }
    auto configuration = first == "configz" ? backend_.configJson() : std::string();
    if (configuration.empty()) co_return pageNotFound();
    co_return co_await answerJson(response, std::move(configuration));
  }

  Reactor& reactor_;
  Backend& backend_;
  TokenAuthenticator* tokens_;
  GroupAuthorizer byGroup_;
  Authorizer& authorizer_;
  HealthzHandler healthz_;
};

}  // namespace

struct KubeletServer::Impl {
  Impl(Reactor& reactor, Backend& backend, const KubeletServerOptions& options)
      : router(reactor, backend, options) {}
  Router router;
  std::unique_ptr<net::HttpServer> server;
};

KubeletServer::KubeletServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KubeletServer::~KubeletServer() = default;

Result<std::unique_ptr<KubeletServer>> KubeletServer::start(Reactor& reactor,
                                                            KubeletServerOptions options,
                                                            Backend& backend) {
  if (!options.tls) return badRequest("the kubelet's port needs a certificate");
  auto impl = std::make_unique<Impl>(reactor, backend, options);
  net::HttpServerOptions http;
  http.endpoint = options.endpoint;
  http.tls = options.tls;
  TRY(impl->server, net::HttpServer::start(reactor, std::move(http), impl->router));
  return std::unique_ptr<KubeletServer>(new KubeletServer(std::move(impl)));
}

const std::string& KubeletServer::address() const {
  return impl_->server->address();
}
uint16_t KubeletServer::port() const {
  return impl_->server->port();
}
void KubeletServer::setTls(std::shared_ptr<const net::TlsContext> tls) {
  impl_->server->setTls(std::move(tls));
}
Task<void> KubeletServer::stop(Duration grace) {
  return impl_->server->stop(grace);
}

}  // namespace coxswain::kubelet::server
