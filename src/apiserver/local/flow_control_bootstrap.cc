#include "apiserver/local/flow_control_bootstrap.h"

#include <algorithm>
#include <vector>

#include "api/gen/flowcontrol_v1.h"
#include "api/reflect/equal.h"
#include "apiserver/registry/flowcontrol/builtin_objects.h"
#include "base/log.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::flowcontrol::v1::FlowSchema;
using api::flowcontrol::v1::PriorityLevelConfiguration;
using client::resourceOf;

const Logger kLog("apiserver.bootstrap");

constexpr std::string_view kAutoUpdate = api::flowcontrol::v1::kAutoUpdateAnnotationKey;
constexpr auto kEvery = 60s;

enum class AutoUpdate : uint8_t { Yes, No, Unsaid };

/// As Go's ParseBool reads the annotation; what it cannot read says nothing.
AutoUpdate autoUpdateOf(const api::meta::v1::ObjectMeta& meta) {
  const auto* text = meta.annotations.get(kAutoUpdate);
  if (!text) return AutoUpdate::Unsaid;
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (*text == yes) return AutoUpdate::Yes;
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (*text == no) return AutoUpdate::No;
  }
  return AutoUpdate::Unsaid;
}

bool followsOurs(const api::meta::v1::ObjectMeta& meta, bool mandatory) {
  if (mandatory) return true;
  const auto said = autoUpdateOf(meta);
  return said == AutoUpdate::Unsaid ? meta.generation == 1 : said == AutoUpdate::Yes;
}

/// What of the spec is ours to say: users may set shares and lending of the exempt level.
void takeSpec(FlowSchema& next, const FlowSchema& ours) {
  next.spec = ours.spec;
}
void takeSpec(PriorityLevelConfiguration& next, const PriorityLevelConfiguration& ours) {
  auto exempt = std::move(next.spec.exempt);
  next.spec = ours.spec;
  if (next.spec.exempt && exempt) next.spec.exempt = std::move(exempt);
}

template <typename T>
Task<void> create(client::Client& client, T object, std::stop_token stop, Status& failure) {
  object.metadata.annotations.insert_or_assign(kAutoUpdate, "true");
  auto made = co_await client::create<T>(client, std::move(object), stop);
  if (!made.ok() && !isAlreadyExists(made.status())) failure = made.status();
}

template <typename T>
Task<void> update(client::Client& client, T object, std::stop_token stop, Status& failure) {
  auto written = co_await client::update<T>(client, std::move(object), "", stop);
  // Somebody else was faster: the next round looks again.
  if (!written.ok() && !isConflict(written.status()) && !isNotFound(written.status())) {
    failure = written.status();
  }
}

template <typename T>
Task<void> removeOld(client::Client& client, std::shared_ptr<const T> object, std::stop_token stop,
                     Status& failure) {
  client::DeleteOptions options;
  options.uid = object->metadata.uid;
  options.resourceVersion = object->metadata.resourceVersion;
  Status removed =
      co_await client.remove(resourceOf<T>(), "", object->metadata.name, std::move(options), stop);
  if (!removed.ok() && !isConflict(removed) && !isNotFound(removed)) failure = removed;
}

/// All objects of a kind, side by side: the store commits them together.
template <typename T, typename Builtin>
Task<Status> ensureKind(client::Client& client, std::span<const Builtin> builtins,
                        std::stop_token stop) {
  CO_TRY(auto list, co_await client.list(resourceOf<T>(), "", {}, stop));
  Status failure;
  std::vector<Task<void>> tasks;
  for (const auto& builtin : builtins) {
    const auto& name = builtin.object.metadata.name;
    const auto found = std::find_if(list.items.begin(), list.items.end(), [&](const auto& item) {
      return api::objectMeta(item)->name == name;
    });
    if (found == list.items.end()) {
      tasks.push_back(create<T>(client, builtin.object, stop, failure));
      continue;
    }
    const T& present = *found->template as<T>();
    const bool follows = followsOurs(present.metadata, builtin.mandatory);
    T next = present;
    next.metadata.annotations.insert_or_assign(kAutoUpdate, follows ? "true" : "false");
    if (follows) takeSpec(next, builtin.object);
    const bool same = next.metadata.annotations == present.metadata.annotations &&
                      api::semanticEqual(next.spec, present.spec);
    if (!same) tasks.push_back(update<T>(client, std::move(next), stop, failure));
  }
  for (const auto& item : list.items) {
    const auto& meta = *api::objectMeta(item);
    const bool ours = std::any_of(builtins.begin(), builtins.end(), [&](const Builtin& each) {
      return each.object.metadata.name == meta.name;
    });
    if (ours || autoUpdateOf(meta) != AutoUpdate::Yes) continue;
    tasks.push_back(removeOld<T>(client, item.template sharedAs<T>(), stop, failure));
  }
  co_await whenAll(std::move(tasks));
  co_return failure;
}

}  // namespace

Task<Status> FlowControlBootstrap::ensure(std::stop_token stop) {
  Status levels =
      co_await ensureKind<PriorityLevelConfiguration>(client_, builtinPriorityLevels(), stop);
  Status schemas = co_await ensureKind<FlowSchema>(client_, builtinFlowSchemas(), stop);
  co_return levels.ok() ? schemas : levels;
}

Task<void> FlowControlBootstrap::keepOn(Gate::Pass pass) {
  const auto stop = stop_.get_token();
  while (true) {
    Status slept = co_await sleepFor(kEvery, stop);
    if (!slept.ok()) co_return;
    Status done = co_await ensure(stop);
    if (!done.ok() && !stop.stop_requested()) {
      kLog.warn("builtin flow schemas and priority levels could not be kept", {{"why", done}});
    }
  }
}

void FlowControlBootstrap::keep(Executor& executor) {
  spawn(executor, keepOn(gate_.enter()));
}

Task<void> FlowControlBootstrap::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

}  // namespace coxswain::apiserver
