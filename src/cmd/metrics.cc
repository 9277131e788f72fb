#include "cmd/metrics.h"

#include "apiserver/metrics/prometheus_metrics.h"
#include "apiserver/metrics/resource_metrics.h"
#include "cmd/duration_flag.h"
#include "cmd/pki.h"
#include "metrics_api/catalog.h"

namespace coxswain::cmd {

using apiserver::ConnectedKubelets;
using apiserver::CustomMetrics;
using apiserver::ExternalMetrics;
using apiserver::ResourceMetrics;

namespace {

std::string withoutLineEnd(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace

void addMetricsFlags(CLI::App& app, MetricsOptions& options) {
  app.add_flag("--resource-metrics", options.resource,
               "serve metrics.k8s.io by the kubelets' readings (what metrics-server does)")
      ->capture_default_str();
  app.add_option("--metric-resolution", options.resolution,
                 "how often kubelets are read for metrics.k8s.io, while somebody asks for it")
      ->capture_default_str();
  app.add_option("--prometheus-url", options.prometheusUrl,
                 "a Prometheus server (http or https) by which custom.metrics.k8s.io and "
                 "external.metrics.k8s.io are served; neither is if this is not given");
  app.add_option("--prometheus-ca-file", options.prometheusCaFile,
                 "who signed its certificate (PEM); the system's authorities if not given");
  app.add_option("--prometheus-token-file", options.prometheusTokenFile,
                 "a bearer token that it is shown");
  app.add_option("--metrics-rules", options.rulesFile,
                 "file of rules and externalRules: which of its series are metrics, and how they "
                 "are asked for (the format of prometheus-adapter)");
  app.add_option("--metrics-relist-interval", options.relistInterval,
                 "how often its series are listed, while somebody asks for metrics")
      ->capture_default_str();
}

struct MetricsApis::Impl {
  std::unique_ptr<ConnectedKubelets> kubelets;
  ResourceMetrics* resource = nullptr;  ///< the server's
  std::unique_ptr<metrics_api::HttpPrometheus> prometheus;
  std::unique_ptr<metrics_api::Catalog> catalog;

  Status addResource(Reactor& reactor, const MetricsOptions& options,
                     apiserver::KubeletConnections& connections, apiserver::ApiServer& server);
  Status addPrometheus(Reactor& reactor, const MetricsOptions& options,
                       apiserver::ApiServer& server);
};

Status MetricsApis::Impl::addResource(Reactor& reactor, const MetricsOptions& options,
                                      apiserver::KubeletConnections& connections,
                                      apiserver::ApiServer& server) {
  metrics_api::Scraper::Options scraper;
  TRY(scraper.resolution, positiveTimeOf("--metric-resolution", options.resolution));
  auto& nodes = *server.registry("", "v1", "nodes");
  kubelets = std::make_unique<ConnectedKubelets>(connections, nodes);
  auto made = std::make_unique<ResourceMetrics>(
      ResourceMetrics::Sources{reactor, *kubelets, nodes, *server.registry("", "v1", "pods")},
      scraper);
  resource = made.get();
  server.ownGroups().add(std::move(made));
  return {};
}

Status MetricsApis::Impl::addPrometheus(Reactor& reactor, const MetricsOptions& options,
                                        apiserver::ApiServer& server) {
  if (options.rulesFile.empty()) return badRequest("--prometheus-url wants --metrics-rules");
  TRY(const auto text, readFile(options.rulesFile));
  auto rules = metrics_api::parseRules(text);
  if (!rules.ok()) return rules.status().withContext("--metrics-rules " + options.rulesFile);
  metrics_api::PrometheusOptions remote;
  remote.url = options.prometheusUrl;
  if (!options.prometheusCaFile.empty()) {
    net::TlsClientOptions tls;
    TRY(tls.caPem, readFile(options.prometheusCaFile));
    TRY(remote.tls, net::TlsContext::client(std::move(tls)));
  }
  if (!options.prometheusTokenFile.empty()) {
    remote.token = [file = options.prometheusTokenFile]() -> Result<std::string> {
      TRY(auto token, readFile(file));
      return withoutLineEnd(std::move(token));
    };
  }
  auto made = metrics_api::HttpPrometheus::create(reactor, std::move(remote));
  if (!made.ok()) return made.status().withContext("--prometheus-url");
  prometheus = std::move(*made);
  metrics_api::Catalog::Options listing;
  TRY(listing.relist, positiveTimeOf("--metrics-relist-interval", options.relistInterval));
  const bool external = !rules->externalRules.empty();
  const bool custom = !rules->rules.empty();
  catalog = std::make_unique<metrics_api::Catalog>(reactor, *prometheus, std::move(*rules),
                                                   apiserver::findKnownResource, listing);
  auto& groups = server.ownGroups();
  if (custom) {
    groups.add(std::make_unique<CustomMetrics>("v1beta2", *catalog, server));
    groups.add(std::make_unique<CustomMetrics>("v1beta1", *catalog, server));
  }
  if (external) groups.add(std::make_unique<ExternalMetrics>(*catalog));
  return {};
}

MetricsApis::MetricsApis(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsApis::~MetricsApis() = default;

Result<std::unique_ptr<MetricsApis>> MetricsApis::create(Reactor& reactor,
                                                         const MetricsOptions& options,
                                                         apiserver::KubeletConnections& kubelets,
                                                         apiserver::ApiServer& server) {
  auto impl = std::make_unique<Impl>();
  if (options.resource) TRY_STATUS(impl->addResource(reactor, options, kubelets, server));
  if (!options.prometheusUrl.empty()) {
    TRY_STATUS(impl->addPrometheus(reactor, options, server));
  } else if (!options.rulesFile.empty()) {
    return badRequest("--metrics-rules wants --prometheus-url");
  }
  return std::unique_ptr<MetricsApis>(new MetricsApis(std::move(impl)));
}

Task<void> MetricsApis::stop() {
  if (impl_->resource) co_await impl_->resource->stop();
  if (impl_->catalog) co_await impl_->catalog->stop();
  if (impl_->prometheus) co_await impl_->prometheus->close();
}

}  // namespace coxswain::cmd
