#include "apiserver/flow_control/config_consumer.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "api/gen/flowcontrol_v1.h"
#include "base/log.h"
#include "client/informer.h"
#include "client/resources.h"
#include "client/workqueue.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::apiserver::flow {
namespace {

using namespace api::flowcontrol::v1;  // NOLINT
using client::resourceOf;

const Logger kLog("apiserver/flow_control");

FlowSchemaCondition danglingCondition(const std::string& level, bool exists) {
  FlowSchemaCondition condition;
  condition.type = kFlowSchemaConditionDangling;
  condition.status = exists ? kConditionFalse : kConditionTrue;
  condition.reason = exists ? "Found" : "NotFound";
  condition.message = "This FlowSchema references the PriorityLevelConfiguration object named \"" +
                      level + "\"" + (exists ? " and it exists" : " but there is no such object");
  return condition;
}

const FlowSchemaCondition* conditionOf(const FlowSchema& schema) {
  for (const auto& one : schema.status.conditions) {
    if (one.type == kFlowSchemaConditionDangling) return &one;
  }
  return nullptr;
}

std::string statusPatch(const std::string& name, const FlowSchemaCondition& condition) {
  boost::json::object status{{"type", condition.type},
                             {"status", condition.status},
                             {"lastTransitionTime", condition.lastTransitionTime.str()},
                             {"reason", condition.reason},
                             {"message", condition.message}};
  boost::json::object body{
      {"apiVersion", "flowcontrol.apiserver.k8s.io/v1"},
      {"kind", "FlowSchema"},
      {"metadata", boost::json::object{{"name", name}}},
      {"status", boost::json::object{{"conditions", boost::json::array{std::move(status)}}}}};
  return boost::json::serialize(body);
}

}  // namespace

struct ConfigConsumer::Impl {
  Impl(Executor& owner, client::Client& api, FlowController& changed)
      : executor(owner),
        client(api),
        controller(changed),
        schemas(api, resourceOf<FlowSchema>(), {}),
        levels(api, resourceOf<PriorityLevelConfiguration>(), {}),
        queue(owner) {}

  Executor& executor;
  client::Client& client;
  FlowController& controller;
  client::Informer schemas;
  client::Informer levels;
  client::WorkQueue queue;
  uint64_t added = 0;
  bool changing = false;
  std::stop_source stop;
  Gate gate;
  std::shared_ptr<int> alive = std::make_shared<int>(0);

  void add(const std::string& name) {
    ++added;
    queue.add(name);
  }
  /// Many objects may change in one go: they are looked at together.
  void changed();
  void configure();
  Task<void> follow(client::Informer& informer, Gate::Pass pass) {
    co_await informer.run(stop.get_token());
  }
  Task<void> work(Gate::Pass pass);
  Task<Status> tell(std::string name);
};

void ConfigConsumer::Impl::changed() {
  if (std::exchange(changing, true)) return;
  executor.post([this, held = std::weak_ptr<int>(alive)] {
    if (!held.expired()) configure();
  });
}

void ConfigConsumer::Impl::configure() {
  changing = false;
  // Until all is known the default objects stay.
  if (!schemas.synced() || !levels.synced()) return;
  std::vector<FlowController::SchemaPtr> allSchemas;
  std::vector<FlowController::LevelPtr> allLevels;
  schemas.forEach(
      [&](const api::ConstObject& object) { allSchemas.push_back(object.sharedAs<FlowSchema>()); });
  levels.forEach([&](const api::ConstObject& object) {
    allLevels.push_back(object.sharedAs<PriorityLevelConfiguration>());
  });
  if (allSchemas.empty() && allLevels.empty()) return;
  controller.configure(allSchemas, allLevels);
  for (const auto& schema : allSchemas) {
    const bool exists = levels.get(schema->spec.priorityLevelConfiguration.name).operator bool();
    const auto wanted = danglingCondition(schema->spec.priorityLevelConfiguration.name, exists);
    const auto* told = conditionOf(*schema);
    if (!told || told->status != wanted.status || told->message != wanted.message ||
        told->reason != wanted.reason) {
      add(schema->metadata.name);
    }
  }
}

Task<void> ConfigConsumer::Impl::work(Gate::Pass pass) {
  // configure() looks at both caches; whoever is filled last calls it.
  Status first = co_await schemas.waitSynced(stop.get_token());
  if (first.ok()) first = co_await levels.waitSynced(stop.get_token());
  if (first.ok()) changed();
  while (true) {
    auto name = co_await queue.get(stop.get_token());
    if (!name) co_return;
    Status told = co_await tell(*name);
    if (told.ok() || isNotFound(told)) {
      queue.forget(*name);
    } else if (!isCanceled(told)) {
      kLog.debug("status of a flow schema not written", {{"schema", *name}, {"error", told}});
      queue.addRateLimited(*name);
    }
    queue.done(*name);
  }
}

Task<Status> ConfigConsumer::Impl::tell(std::string name) {
  auto schema = schemas.get<FlowSchema>(name);
  if (!schema) co_return Status();
  const auto& level = schema->spec.priorityLevelConfiguration.name;
  auto wanted = danglingCondition(level, levels.get(level).operator bool());
  const auto* told = conditionOf(*schema);
  wanted.lastTransitionTime = api::Time(executor.wallNow());
  if (told && told->status == wanted.status) wanted.lastTransitionTime = told->lastTransitionTime;
  auto body = statusPatch(name, wanted);
  auto written = co_await client.patch(resourceOf<FlowSchema>(), "", name, "status",
                                       client::PatchType::Apply, std::move(body), stop.get_token());
  co_return written.status();
}

ConfigConsumer::ConfigConsumer(Executor& executor, client::Client& client,
                               FlowController& controller)
    : impl_(std::make_unique<Impl>(executor, client, controller)) {}
ConfigConsumer::~ConfigConsumer() = default;

void ConfigConsumer::start() {
  auto& impl = *impl_;
  impl.schemas.addHandler([&impl](const client::Change&) { impl.changed(); });
  impl.levels.addHandler([&impl](const client::Change&) { impl.changed(); });
  spawn(impl.executor, impl.follow(impl.schemas, impl.gate.enter()));
  spawn(impl.executor, impl.follow(impl.levels, impl.gate.enter()));
  spawn(impl.executor, impl.work(impl.gate.enter()));
}

Task<void> ConfigConsumer::stop() {
  impl_->stop.request_stop();
  impl_->queue.shutDown();
  co_await impl_->gate.close();
}

size_t ConfigConsumer::depth() const {
  return impl_->queue.size();
}
uint64_t ConfigConsumer::added() const {
  return impl_->added;
}

}  // namespace coxswain::apiserver::flow
