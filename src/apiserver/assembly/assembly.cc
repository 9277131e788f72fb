#include "apiserver/assembly/assembly.h"

#include "api/gen/core_v1.h"
#include "apiserver/admission/chain.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/allocators/service_hooks.h"
#include "apiserver/authz/node_authorizer.h"
#include "apiserver/authz/policy.h"
#include "apiserver/authz/stored_node_objects.h"
#include "apiserver/authz/stored_policy.h"
#include "apiserver/local/cluster_bootstrap.h"
#include "apiserver/local/local_client.h"
#include "apiserver/reviews/reviews.h"
#include "apiserver/subresources/posters.h"

namespace coxswain::apiserver {
namespace {

std::string hostPort(const std::string& host, uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<std::vector<AddressRange>> serviceRanges(std::string_view text, Random& random) {
  std::vector<AddressRange> ranges;
  while (!text.empty()) {
    auto comma = text.find(',');
    TRY(auto range, AddressRange::create(text.substr(0, comma), random));
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
  AuthorizerChain authorizer;
  std::unique_ptr<AdmissionChain> admission;
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<ServiceHooks> serviceHooks;
  std::unique_ptr<ApiServer> api;
  std::unique_ptr<client::Client> ownClient;
  std::unique_ptr<ClusterBootstrap> bootstrap;

  Status makeAuthenticator();
  AdmissionSources admissionSources();
  void makeServer();
  void wireAuthorizer();
  Status wireServices();
  void wirePosters();
  Status adoptServices();
};

Status Assembly::Impl::makeAuthenticator() {
  Authenticator::Options who;
  who.anonymous = options.anonymousAuth;
  who.tokens = std::move(options.staticTokens);
  auto lookup = [this](std::string_view resource, std::string_view ns,
                       std::string_view name) -> Result<api::ConstObject> {
    const auto* registry = api->registry("", "v1", resource);
    if (!registry) return notFound(resource, name);
    return registry->get(ns, name);
  };
  TRY(who.accounts, ServiceAccountTokens::create(std::move(options.tokens), lookup, random));
  authenticator = std::make_unique<Authenticator>(std::move(who));
  return {};
}

AdmissionSources Assembly::Impl::admissionSources() {
  auto registry = [this](std::string_view group, std::string_view version,
                         std::string_view plural) -> GenericRegistry* {
    return api->registry(group, version, plural);
  };
  return {registry, random, executor, options.serviceCaConfigMap};
}

void Assembly::Impl::makeServer() {
  admission = makeAdmissionChain(admissionSources());

  ApiServerOptions apiOptions;
  apiOptions.version = options.version;
  apiOptions.advertiseAddress = hostPort(options.advertiseAddress, options.securePort);
  apiOptions.authorizer = &authorizer;
  apiOptions.admission = admission.get();
  const auto& tokens = *authenticator->accounts();
  auto keysUrl = "https://" + apiOptions.advertiseAddress + "/openid/v1/jwks";
  apiOptions.documents["/.well-known/openid-configuration"] = {"application/json",
                                                               tokens.openIdConfiguration(keysUrl)};
  apiOptions.documents["/openid/v1/jwks"] = {"application/jwk-set+json", tokens.keySet()};
  api = std::make_unique<ApiServer>(executor, store, *authenticator, random, std::move(apiOptions));
}

void Assembly::Impl::wireAuthorizer() {
  auto objects = std::make_unique<StoredNodeObjects>(
      *api->registry("", "v1", "pods"), *api->registry("", "v1", "persistentvolumeclaims"));
  authorizer.add(std::make_unique<MastersAuthorizer>());
  authorizer.add(std::make_unique<NodeAuthorizer>(std::move(objects)));
  auto policy = std::make_unique<PolicyAuthorizer>(bootstrapRules(), bootstrapBindings());
  constexpr const char* kRbac = "rbac.authorization.k8s.io";
  PolicyRegistries registries{*api->registry(kRbac, "v1", "roles"),
                              *api->registry(kRbac, "v1", "clusterroles"),
                              *api->registry(kRbac, "v1", "rolebindings"),
                              *api->registry(kRbac, "v1", "clusterrolebindings")};
  auto stored = std::make_unique<StoredPolicyAuthorizer>(registries);
  const std::vector<const RuleSource*> rules{policy.get(), stored.get()};
  addReviews(api->virtualResources(), {executor, *authenticator, authorizer, rules});
  admission->add(makeRbacEscalation(admissionSources(), authorizer, rules, *stored));
  authorizer.add(std::move(policy));
  authorizer.add(std::move(stored));
}

Status Assembly::Impl::wireServices() {
  auto ranges = serviceRanges(options.serviceClusterIpRange, random);
  if (!ranges.ok()) return ranges.status().withContext("--service-cluster-ip-range");
  auto ports = PortRange::create(options.serviceNodePortRange, random);
  if (!ports.ok()) return ports.status().withContext("--service-node-port-range");
  serviceHooks = std::make_unique<ServiceHooks>(std::move(*ranges), std::move(*ports));
  api->registry("", "v1", "services")->setHooks(serviceHooks.get());
  return {};
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

Status Assembly::Impl::adoptServices() {
  TRY(auto services, api->registry("", "v1", "services")->list({}));
  for (const auto& item : services.items) {
    TRY(auto object, item.object());
    serviceHooks->adopt(*object.as<api::core::v1::Service>());
  }
  return {};
}

Assembly::Assembly(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Assembly::~Assembly() = default;

Result<std::unique_ptr<Assembly>> Assembly::create(Executor& executor, storage::Store& store,
                                                   Random& random, AssemblyOptions options) {
  auto impl = std::make_unique<Impl>(executor, store, random, std::move(options));
  TRY_STATUS(impl->makeAuthenticator());
  impl->makeServer();
  TRY_STATUS(impl->api->readable());
  impl->wireAuthorizer();
  TRY_STATUS(impl->wireServices());
  impl->wirePosters();
  return std::unique_ptr<Assembly>(new Assembly(std::move(impl)));
}

Task<Status> Assembly::start() {
  auto& impl = *impl_;
  CO_TRY_STATUS(co_await impl.api->bootstrap());
  CO_TRY_STATUS(impl.adoptServices());
  impl.ownClient = client("system:apiserver", {"system:masters"});
  BootstrapOptions wanted;
  wanted.serviceAddress = impl.serviceHooks->primary().first();
  wanted.advertiseAddress = impl.options.advertiseAddress;
  wanted.securePort = impl.options.securePort;
  wanted.clientCaPem = impl.options.clientCaPem;
  impl.bootstrap = std::make_unique<ClusterBootstrap>(*impl.ownClient, std::move(wanted));
  CO_TRY_STATUS(co_await impl.bootstrap->ensure({}));
  impl.bootstrap->keep(impl.executor);
  co_return Status();
}

Task<void> Assembly::stop() {
  if (impl_->bootstrap) co_await impl_->bootstrap->stop();
}

ApiServer& Assembly::server() {
  return *impl_->api;
}
Admission& Assembly::admission() {
  return *impl_->admission;
}

std::unique_ptr<client::Client> Assembly::client(std::string user,
                                                 std::vector<std::string> groups) {
  UserInfo info{std::move(user), "", std::move(groups), {}};
  return std::make_unique<LocalClient>(impl_->executor, *impl_->api, std::move(info));
}

Result<std::vector<std::string>> firstServiceAddresses(const std::string& text) {
  SystemRandom random;
  auto ranges = serviceRanges(text, random);
  if (!ranges.ok()) return ranges.status().withContext("--service-cluster-ip-range");
  std::vector<std::string> first;
  for (const auto& range : *ranges) first.push_back(range.first());
  return first;
}

}  // namespace coxswain::apiserver
