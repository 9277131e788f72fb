#include "apiserver/assembly/assembly.h"

#include <set>

#include "api/gen/core_v1.h"
#include "apiserver/admission/chain.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/aggregator/aggregator.h"
#include "apiserver/aggregator/local_services.h"
#include "apiserver/allocators/service_hooks.h"
#include "apiserver/allocators/stored_address_book.h"
#include "apiserver/audit/metrics.h"
#include "apiserver/authz/node_authorizer.h"
#include "apiserver/authz/node_graph.h"
#include "apiserver/authz/stored_policy.h"
#include "apiserver/flow_control/config_consumer.h"
#include "apiserver/flow_control/metrics.h"
#include "apiserver/local/authentication_config.h"
#include "apiserver/local/cluster_bootstrap.h"
#include "apiserver/local/flow_control_bootstrap.h"
#include "apiserver/local/identity_lease.h"
#include "apiserver/local/legacy_token_tracker.h"
#include "apiserver/local/local_client.h"
#include "apiserver/local/own_group_objects.h"
#include "apiserver/reviews/identity.h"
#include "apiserver/reviews/reviews.h"
#include "apiserver/subresources/posters.h"

namespace coxswain::apiserver {
namespace {

std::string hostPort(const std::string& host, uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<std::vector<AddressRange>> serviceRanges(std::string_view text) {
  std::vector<AddressRange> ranges;
  while (!text.empty()) {
    auto comma = text.find(',');
    TRY(auto range, AddressRange::create(text.substr(0, comma)));
    ranges.push_back(std::move(range));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (ranges.empty() || ranges.size() > 2) {
    return badRequest("want one range of service addresses, or two of different families");
  }
  if (ranges.size() == 2 && ranges[0].v6() == ranges[1].v6()) {
    return badRequest("both ranges of service addresses are of one family");
  }
  return ranges;
}

ServedResource bindings() {
  ServedResource served;
  served.version = "v1";
  served.plural = "bindings";
  served.singular = "binding";
  served.kind = "Binding";
  served.namespaced = true;
  served.verbs = {"create"};
  return served;
}

}  // namespace

/// Members in the order in which they may die: the last first.
struct Assembly::Impl {
  Impl(Executor& owner, storage::Store& kept, Random& dice, AssemblyOptions given)
      : executor(owner), store(kept), random(dice), options(std::move(given)) {}

  Executor& executor;
  storage::Store& store;
  Random& random;
  AssemblyOptions options;
  std::unique_ptr<StoredPolicyAuthorizer> roles;
  AuthorizerChain authorizer;
  std::vector<const RuleSource*> ruleSources;
  std::unique_ptr<AdmissionChain> admission;
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<AddressBook> addressBook;
  std::unique_ptr<ServiceHooks> serviceHooks;
  std::vector<std::string> serviceCidrs;
  audit::Auditing audit;
  std::unique_ptr<flow::FlowController> flow;
  std::unique_ptr<ApiServer> api;
  std::unique_ptr<client::Client> ownClient;
  std::unique_ptr<ClusterBootstrap> bootstrap;
  std::unique_ptr<Aggregator> aggregator;
  std::unique_ptr<client::Client> flowProducer;
  std::unique_ptr<FlowControlBootstrap> flowObjects;
  std::unique_ptr<client::Client> flowClient;
  std::unique_ptr<flow::ConfigConsumer> flowConfig;
  std::unique_ptr<AuthenticationConfig> trust;
  std::unique_ptr<LegacyTokenTracker> usedTokens;
  std::unique_ptr<IdentityLease> lease;

  Status makeAuthenticator();
  AdmissionSources admissionSources();
  Status makeServer();
  Status wireMode(const std::string& mode);
  Status wireAuthorizer();
  Status wireServices();
  void wirePosters();
  void wireMetrics();
  void wireComponents();
  Task<Status> repairServices();
  void tellTrust();
  Task<Status> startIdentity();
};

Status Assembly::Impl::makeAuthenticator() {
  Authenticator::Options who;
  who.clientCaPem = options.clientCaPem;
  who.requestHeaders = options.requestHeaders;
  who.anonymous = options.anonymousAuth;
  who.tokens = std::move(options.staticTokens);
  who.remotes = std::move(options.remoteTokens);
  auto lookup = [this](std::string_view resource, std::string_view ns,
                       std::string_view name) -> Result<api::ConstObject> {
    const auto* registry = api->registry("", "v1", resource);
    if (!registry) return notFound(resource, name);
    return registry->get(ns, name);
  };
  TRY(who.accounts, ServiceAccountTokens::create(std::move(options.tokens), lookup, random));
  if (options.bootstrapTokens) who.bootstrap = std::make_unique<BootstrapTokens>(lookup);
  authenticator = std::make_unique<Authenticator>(std::move(who));
  return {};
}

AdmissionSources Assembly::Impl::admissionSources() {
  auto registry = [this](std::string_view group, std::string_view version,
                         std::string_view plural) -> GenericRegistry* {
    return api->registry(group, version, plural);
  };
  return {registry, random, executor, options.serviceCaConfigMap, &authorizer};
}

Status Assembly::Impl::makeServer() {
  TRY(admission, makeAdmissionChain(admissionSources(), options.admission));

  ApiServerOptions apiOptions;
  apiOptions.version = options.version;
  apiOptions.advertiseAddress = hostPort(options.advertiseAddress, options.securePort);
  apiOptions.authorizer = &authorizer;
  apiOptions.admission = admission.get();
  flow = std::make_unique<flow::FlowController>(executor, options.flow);
  apiOptions.flow = flow.get();
  apiOptions.requestTimeout = options.requestTimeout;
  audit = std::move(options.audit);
  apiOptions.auditor = audit.auditor.get();
  const auto& tokens = *authenticator->accounts();
  if (tokens.discoverable()) {
    auto keysUrl = "https://" + apiOptions.advertiseAddress + "/openid/v1/jwks";
    apiOptions.documents["/.well-known/openid-configuration"] = {
        "application/json", tokens.openIdConfiguration(keysUrl)};
    apiOptions.documents["/openid/v1/jwks"] = {"application/jwk-set+json", tokens.keySet()};
  }
  api = std::make_unique<ApiServer>(executor, store, *authenticator, random, std::move(apiOptions));
  api->addMetrics([this](MetricSink& sink) { authenticator->tell(sink); });
  return {};
}

Status Assembly::Impl::wireMode(const std::string& mode) {
  if (mode == "RBAC") {
    authorizer.add(*roles);
    ruleSources.push_back(roles.get());
    return {};
  }
  if (mode == "Node") {
    NodeGraph::Registries registries{*api->registry("", "v1", "pods"),
                                     *api->registry("", "v1", "persistentvolumeclaims"),
                                     *api->registry("", "v1", "persistentvolumes"),
                                     api->registry("storage.k8s.io", "v1", "volumeattachments"),
                                     api->registry("resource.k8s.io", "v1", "resourceslices")};
    auto made = std::make_unique<NodeAuthorizer>(std::make_unique<NodeGraph>(executor, registries));
    ruleSources.push_back(made.get());
    authorizer.add(std::move(made));
    return {};
  }
  if (mode == "Webhook") {
    if (!options.authorizationWebhook) {
      return badRequest("mode Webhook wants --authorization-webhook-config-file");
    }
    TRY_STATUS(WebhookAuthorizer::check(*options.authorizationWebhook));
    auto made = std::make_unique<WebhookAuthorizer>(executor, *options.authorizationWebhook);
    ruleSources.push_back(made.get());
    authorizer.add(std::move(made));
    return {};
  }
  if (mode != "AlwaysAllow" && mode != "AlwaysDeny") {
    return badRequest(mode == "ABAC" ? std::string("mode ABAC is not supported: bind roles instead")
                                     : "\"" + mode + "\" is not a valid mode");
  }
  auto made = std::make_unique<AlwaysAuthorizer>(mode == "AlwaysAllow");
  ruleSources.push_back(made.get());
  authorizer.add(std::move(made));
  return {};
}

Status Assembly::Impl::wireAuthorizer() {
  constexpr const char* kRbac = "rbac.authorization.k8s.io";
  PolicyRegistries registries{*api->registry(kRbac, "v1", "roles"),
                              *api->registry(kRbac, "v1", "clusterroles"),
                              *api->registry(kRbac, "v1", "rolebindings"),
                              *api->registry(kRbac, "v1", "clusterrolebindings")};
  roles = std::make_unique<StoredPolicyAuthorizer>(registries);
  authorizer.add(std::make_unique<MastersAuthorizer>());
  std::set<std::string> seen;
  for (const auto& mode : options.authorizationModes) {
    Status wired =
        seen.insert(mode).second ? wireMode(mode) : badRequest("mode " + mode + " is named twice");
    if (!wired.ok()) return wired.withContext("--authorization-mode");
  }
  if (seen.empty()) return badRequest("--authorization-mode: at least one mode is needed");
  addIdentityReviews(api->virtualResources(), executor, *authenticator);
  addReviews(api->virtualResources(), {authorizer, ruleSources});
  // Roles count where somebody gives rights away, whether or not mode RBAC is on.
  std::vector<const RuleSource*> owned{roles.get()};
  admission->addFirst(makeDeviceAccess(admissionSources(), authorizer));
  admission->addFirst(makeRbacEscalation(admissionSources(), authorizer, std::move(owned), *roles));
  admission->addFirst(makeCreateOnUpdate(authorizer));
  return {};
}

Status Assembly::Impl::wireServices() {
  auto ranges = serviceRanges(options.serviceClusterIpRange);
  if (!ranges.ok()) return ranges.status().withContext("--service-cluster-ip-range");
  auto ports = PortRange::create(options.serviceNodePortRange, random);
  if (!ports.ok()) return ports.status().withContext("--service-node-port-range");
  for (const auto& range : *ranges) serviceCidrs.push_back(range.str());
  constexpr const char* kNetworking = "networking.k8s.io";
  addressBook =
      std::make_unique<StoredAddressBook>(*api->registry(kNetworking, "v1", "ipaddresses"),
                                          *api->registry(kNetworking, "v1", "servicecidrs"));
  serviceHooks = std::make_unique<ServiceHooks>(executor, std::move(*ranges), std::move(*ports),
                                                random, addressBook.get());
  api->registry("", "v1", "services")->setHooks(serviceHooks.get());
  return {};
}

void Assembly::Impl::wireMetrics() {
  api->addMetrics([this](MetricSink& sink) {
    flow::collect(*flow, sink);
    if (flowConfig) flow::collect(*flowConfig, sink);
    audit::collect(audit.auditor.get(), sink);
    collect(*admission, sink);
  });
}

void Assembly::Impl::wirePosters() {
  auto& pods = *api->registry("", "v1", "pods");
  auto handler = [](std::unique_ptr<ObjectPoster> poster) {
    return std::make_unique<PostHandler>(std::move(poster));
  };
  auto& below = api->subresources();
  below.add("pods", "binding", handler(makeBindingPoster(executor, admission.get(), pods)));
  below.add("pods", "eviction",
            handler(makeEvictionPoster(executor, admission.get(),
                                       *api->registry("policy", "v1", "poddisruptionbudgets"))));
  below.add("serviceaccounts", "token",
            handler(makeTokenPoster(executor, admission.get(), *authenticator->accounts())));
  api->virtualResources().add(bindings(),
                              handler(makeBindingPoster(executor, admission.get(), pods)));
}

namespace {

Task<Result<std::string>> askStore(storage::Store& store) {
  storage::RangeRequest any;
  any.limit = 1;
  any.keysOnly = true;
  auto answer = store.range(any);
  if (!answer.ok()) co_return answer.status();
  co_return std::string("ok");
}

}  // namespace

void Assembly::Impl::wireComponents() {
  auto components = std::move(options.components);
  components.push_back({"etcd-0", [this](std::stop_token) { return askStore(store); }});
  api->computedResources().add("componentstatuses", makeComponentStatuses(std::move(components)));
}

Task<Status> Assembly::Impl::repairServices() {
  CO_TRY(auto services, api->registry("", "v1", "services")->list({}));
  std::vector<api::ConstObject> objects;
  for (const auto& item : services.items) {
    CO_TRY(auto object, item.object());
    objects.push_back(std::move(object));
  }
  co_return co_await serviceHooks->repair(std::move(objects));
}

/// Others learn from a config map whom this server trusts.
void Assembly::Impl::tellTrust() {
  if (!trust) return;
  auto headers = options.requestHeaders;
  headers.caPem = authenticator->requestHeaders().caPem();
  trust->set(authenticator->clientCa(), std::move(headers));
}

Task<Status> Assembly::Impl::startIdentity() {
  trust = std::make_unique<AuthenticationConfig>(*ownClient, executor);
  tellTrust();
  CO_TRY_STATUS(co_await trust->ensure({}));
  trust->keep();
  usedTokens = std::make_unique<LegacyTokenTracker>(*ownClient, executor);
  CO_TRY_STATUS(co_await usedTokens->ensure({}));
  auto* tracker = usedTokens.get();
  authenticator->accounts()->onUsedSecret(
      [tracker](std::string ns, std::string secret, std::string day) {
        tracker->used(std::move(ns), std::move(secret), std::move(day));
      });
  if (!options.hostName.empty()) {
    lease = std::make_unique<IdentityLease>(*ownClient, executor, random, options.hostName);
    lease->keep();
  }
  co_return Status();
}

Assembly::Assembly(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Assembly::~Assembly() = default;

Result<std::unique_ptr<Assembly>> Assembly::create(Executor& executor, storage::Store& store,
                                                   Random& random, AssemblyOptions options) {
  auto impl = std::make_unique<Impl>(executor, store, random, std::move(options));
  TRY_STATUS(impl->makeAuthenticator());
  TRY_STATUS(impl->makeServer());
  TRY_STATUS(impl->api->readable());
  TRY_STATUS(impl->wireAuthorizer());
  TRY_STATUS(impl->wireServices());
  impl->wirePosters();
  impl->wireMetrics();
  impl->wireComponents();
  return std::unique_ptr<Assembly>(new Assembly(std::move(impl)));
}

Task<Status> Assembly::start() {
  auto& impl = *impl_;
  CO_TRY_STATUS(co_await impl.api->bootstrap());
  CO_TRY_STATUS(co_await impl.repairServices());
  impl.ownClient = client("system:apiserver", {"system:masters"});
  BootstrapOptions wanted;
  wanted.serviceAddress = impl.serviceHooks->addresses().primary().first();
  wanted.serviceCidrs = impl.serviceCidrs;
  wanted.advertiseAddress = impl.options.advertiseAddress;
  wanted.securePort = impl.options.securePort;
  wanted.ownPartsRoles = impl.options.ownPartsRoles;
  const auto served = impl.api->served();
  wanted.apiServices = localApiServices(served);
  impl.bootstrap = std::make_unique<ClusterBootstrap>(*impl.ownClient, std::move(wanted));
  CO_TRY_STATUS(co_await impl.bootstrap->ensure({}));
  impl.bootstrap->keep(impl.executor);
  CO_TRY_STATUS(co_await ensureOwnGroupObjects(*impl.ownClient, impl.api->ownGroups(), {}));
  impl.aggregator = std::make_unique<Aggregator>(impl.executor, *impl.ownClient,
                                                 impl.options.remoteServers, served);
  impl.api->setForeignGroups(impl.aggregator.get());
  impl.aggregator->start();
  impl.flowProducer =
      client("system:apiserver:" + std::string(kFlowControlProducer), {"system:masters"});
  impl.flowObjects = std::make_unique<FlowControlBootstrap>(*impl.flowProducer);
  CO_TRY_STATUS(co_await impl.flowObjects->ensure({}));
  impl.flowObjects->keep(impl.executor);
  if (impl.options.flow.fair) {
    impl.flowClient =
        client("system:apiserver:" + std::string(flow::kFieldManager), {"system:masters"});
    impl.flowConfig =
        std::make_unique<flow::ConfigConsumer>(impl.executor, *impl.flowClient, *impl.flow);
    impl.flowConfig->start();
  }
  co_return co_await impl.startIdentity();
}

Task<void> Assembly::stop() {
  co_await impl_->authenticator->close();
  if (impl_->trust) co_await impl_->trust->stop();
  if (impl_->usedTokens) co_await impl_->usedTokens->stop();
  if (impl_->lease) co_await impl_->lease->stop();
  if (impl_->flowConfig) co_await impl_->flowConfig->stop();
  if (impl_->flowObjects) co_await impl_->flowObjects->stop();
  if (impl_->aggregator) co_await impl_->aggregator->stop();
  if (impl_->bootstrap) co_await impl_->bootstrap->stop();
  co_await impl_->serviceHooks->stop();
}

Status Assembly::setClientCa(std::string pem) {
  TRY_STATUS(impl_->authenticator->setClientCa(std::move(pem)));
  impl_->tellTrust();
  return {};
}

Status Assembly::setRequestHeaderCa(std::string pem) {
  TRY_STATUS(impl_->authenticator->setRequestHeaderCa(std::move(pem)));
  impl_->tellTrust();
  return {};
}

ApiServer& Assembly::server() {
  return *impl_->api;
}
const Authenticator& Assembly::authenticator() const {
  return *impl_->authenticator;
}
Admission& Assembly::admission() {
  return *impl_->admission;
}

std::unique_ptr<client::Client> Assembly::client(std::string user, std::vector<std::string> groups,
                                                 std::string fieldManager) {
  UserInfo info{std::move(user), "", std::move(groups), {}};
  return std::make_unique<LocalClient>(impl_->executor, *impl_->api, std::move(info),
                                       std::move(fieldManager));
}

Result<std::vector<std::string>> firstServiceAddresses(const std::string& text) {
  auto ranges = serviceRanges(text);
  if (!ranges.ok()) return ranges.status().withContext("--service-cluster-ip-range");
  std::vector<std::string> first;
  for (const auto& range : *ranges) first.push_back(range.first());
  return first;
}

}  // namespace coxswain::apiserver
