// Kinds that are served later than this begins.

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "base/log.h"
#include "controllers/garbagecollector/controller.h"
#include "runtime/spawn.h"

namespace coxswain::controllers::garbagecollector {

namespace {

const Logger kLog("garbagecollector");
/// How often others' kinds are looked for; also how soon again after a failure.
constexpr Duration kPeriod = 30s;
/// Several APIServices come together.
constexpr Duration kGather = 1s;

bool isSame(const ForeignKind& a, const ForeignKind& b) {
  return a.group == b.group && a.version == b.version && a.plural == b.plural;
}

}  // namespace

Task<void> GarbageCollector::background(std::stop_token stop) {
  while (!stop.stop_requested()) {
    discovery_.reset();
    auto again = co_await discover(stop);
    if (isCanceled(again.status())) break;
    if (!again.ok() || *again) {
      Status slept = co_await sleepFor(kPeriod, stop);
      if (!slept.ok()) break;
      continue;
    }
    Status woken = co_await discovery_.wait(stop);
    if (woken.ok()) woken = co_await sleepFor(kGather, stop);
    if (!woken.ok()) break;
  }
}

Task<Result<bool>> GarbageCollector::discover(std::stop_token stop) {
  CO_TRY(ForeignKinds found, co_await findForeignKinds(client(), apiServices_, stop));
  for (auto& kind : kinds_) {
    if (!kind.foreign) continue;
    const bool there = std::any_of(found.kinds.begin(), found.kinds.end(),
                                   [&](const auto& each) { return isSame(*kind.foreign, *each); });
    // Of what does not answer nothing is known: it stays.
    const auto groupVersion = kind.foreign->group + "/" + kind.foreign->version;
    kind.served = there || found.failures.contains(groupVersion);
  }
  for (auto& foreign : found.kinds) {
    const bool watched = foreign->can("list") && foreign->can("watch") && foreign->can("delete");
    const bool known = std::any_of(kinds_.begin(), kinds_.end(), [&](const Kind& kind) {
      return kind.foreign && isSame(*kind.foreign, *foreign);
    });
    if (watched && !known) addForeign(std::move(foreign));
  }
  // Others may come up by themselves, and change what they serve.
  co_return found.remote || !found.failures.empty();
}

void GarbageCollector::addForeign(std::shared_ptr<const ForeignKind> foreign) {
  kLog.info("a kind is served that was not before",
            {{"group", foreign->group}, {"kind", foreign->kind}});
  const auto& type = foreign->type;
  const std::string_view name = foreign->kind;
  add(type, name, std::move(foreign));
  auto& kind = kinds_.back();
  listen(kind);
  informers().start();
  enqueueOwnedBy(kind);
}

void GarbageCollector::enqueueOwnedBy(const Kind& owners) {
  for (const auto& kind : kinds_) {
    kind.informer->forEach([&](const api::ConstObject& object) {
      const auto& meta = *api::objectMeta(object);
      const bool owned = std::any_of(meta.ownerReferences.begin(), meta.ownerReferences.end(),
                                     [&](const Owner& owner) { return kindOf(owner) == &owners; });
      if (owned) enqueue(kind, meta);
    });
  }
}

}  // namespace coxswain::controllers::garbagecollector
