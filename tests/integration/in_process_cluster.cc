#include "in_process_cluster.h"

#include "net/certs.h"

namespace coxswain::testing {

using client::ResourceType;

class WitnessClient final : public client::Client {
 public:
  WitnessClient(std::unique_ptr<client::Client> inner, std::string user,
                std::vector<Refusal>& refusals)
      : inner_(std::move(inner)), user_(std::move(user)), refusals_(refusals) {}

  Task<Result<api::ConstObject>> get(const ResourceType& type, std::string ns, std::string name,
                                     std::stop_token stop) override {
    co_return note(co_await inner_->get(type, std::move(ns), std::move(name), stop));
  }
  Task<Result<api::ConstObject>> getSubresource(const ResourceType& type, std::string ns,
                                                std::string name, std::string subresource,
                                                std::stop_token stop) override {
    auto shown =
        inner_->getSubresource(type, std::move(ns), std::move(name), std::move(subresource), stop);
    co_return note(co_await std::move(shown));
  }
  Task<Result<client::ObjectList>> list(const ResourceType& type, std::string ns,
                                        client::ListOptions options,
                                        std::stop_token stop) override {
    co_return note(co_await inner_->list(type, std::move(ns), std::move(options), stop));
  }
  Task<Result<std::unique_ptr<client::Watch>>> watch(const ResourceType& type, std::string ns,
                                                     client::WatchOptions options,
                                                     std::stop_token stop) override {
    co_return note(co_await inner_->watch(type, std::move(ns), std::move(options), stop));
  }
  Task<Result<api::ConstObject>> create(const ResourceType& type, std::string ns, std::string name,
                                        std::string subresource, api::ConstObject object,
                                        std::stop_token stop) override {
    auto made = inner_->create(type, std::move(ns), std::move(name), std::move(subresource),
                               std::move(object), stop);
    co_return note(co_await std::move(made));
  }
  Task<Result<api::ConstObject>> update(const ResourceType& type, std::string subresource,
                                        api::ConstObject object, std::stop_token stop) override {
    auto made = inner_->update(type, std::move(subresource), std::move(object), stop);
    co_return note(co_await std::move(made));
  }
  Task<Result<api::ConstObject>> patch(const ResourceType& type, std::string ns, std::string name,
                                       std::string subresource, client::PatchType patchType,
                                       std::string body, std::stop_token stop) override {
    auto made = inner_->patch(type, std::move(ns), std::move(name), std::move(subresource),
                              patchType, std::move(body), stop);
    co_return note(co_await std::move(made));
  }
  Task<Status> remove(const ResourceType& type, std::string ns, std::string name,
                      client::DeleteOptions options, std::stop_token stop) override {
    auto made = inner_->remove(type, std::move(ns), std::move(name), std::move(options), stop);
    Status removed = co_await std::move(made);
    note(removed);
    co_return removed;
  }

 private:
  void note(const Status& status) {
    if (status.reason() == Reason::Forbidden) refusals_.push_back({user_, status.message()});
  }
  template <typename T>
  Result<T> note(Result<T> answer) {
    if (!answer.ok()) note(answer.status());
    return answer;
  }
  std::unique_ptr<client::Client> inner_;
  const std::string user_;
  std::vector<Refusal>& refusals_;
};

InProcessCluster::InProcessCluster(Options options)
    : store(storage::makeMemoryStore({})), options_(options), key_(*net::createKeyPem()) {
  start();
}

InProcessCluster::~InProcessCluster() {
  stop();
}

void InProcessCluster::start() {
  apiserver::AssemblyOptions options;
  options.advertiseAddress = "192.0.2.10";
  options.tokens.issuer = "https://kubernetes.default.svc";
  options.tokens.signingKeyPem = key_;
  options.ownPartsRoles = true;
  auto made = apiserver::Assembly::create(executor, *store, random, std::move(options));
  if (!made.ok()) std::abort();
  assembly_ = std::move(*made);
  if (!run(assembly_->start()).ok()) std::abort();
  if (!options_.controllers) return;

  informers_ = std::make_unique<client::Informers>(as("system:kube-controller-manager"), executor);
  controllers::ManagerOptions manager;
  manager.rootCa = "a CA";
  manager.allocateNodeCidrs = true;
  manager.nodeIpam.clusterCidrs = {"10.244.0.0/16"};
  controllers::Context context{as("system:kube-controller-manager"), *informers_, executor, random};
  auto clientOf = [this](std::string_view name) -> client::Client& { return account(name); };
  auto controllers = controllers::ControllerManager::create(context, manager, clientOf);
  if (!controllers.ok()) std::abort();
  manager_ = std::move(*controllers);
  scheduler::SchedulerContext forScheduler{as("system:kube-scheduler"), *informers_, executor,
                                           random};
  scheduler_ = std::make_unique<scheduler::Scheduler>(forScheduler, scheduler::SchedulerOptions());
  for (int i = 0; i < options_.nodes; ++i) {
    hollow::HollowNodeOptions node;
    node.name = "n" + std::to_string(i + 1);
    hollow::HollowNode::Context forNode{this->node(node.name), *informers_, executor};
    nodes_.push_back(std::make_unique<hollow::HollowNode>(forNode, node));
  }
  informers_->start();
  manager_->start();
  scheduler_->start();
  for (auto& node : nodes_) node->start();
}

Task<void> InProcessCluster::stopAll() {
  for (auto& node : nodes_) co_await node->stop();
  if (scheduler_) co_await scheduler_->stop();
  if (manager_) co_await manager_->stop();
  if (informers_) co_await informers_->stop();
  co_await assembly_->stop();
}

void InProcessCluster::stop() {
  if (!assembly_) return;
  run(stopAll());
  executor.runUntilIdle();
  nodes_.clear();
  scheduler_.reset();
  manager_.reset();
  informers_.reset();
  clients_.clear();
  assembly_.reset();
}

client::Client& InProcessCluster::as(const std::string& user, std::vector<std::string> groups) {
  auto& client = clients_[user];
  if (!client) {
    client =
        std::make_unique<WitnessClient>(assembly_->client(user, std::move(groups)), user, refusals);
  }
  return *client;
}

client::Client& InProcessCluster::account(std::string_view name) {
  return as("system:serviceaccount:kube-system:" + std::string(name),
            {"system:serviceaccounts", "system:serviceaccounts:kube-system"});
}

}  // namespace coxswain::testing
