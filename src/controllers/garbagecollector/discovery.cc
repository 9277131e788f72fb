// Kinds that are served later than this begins.

#include <algorithm>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "base/log.h"
#include "client/resources.h"
#include "controllers/garbagecollector/controller.h"

namespace coxswain::controllers::garbagecollector {

namespace {
const Logger kLog("garbagecollector");
}

Task<void> GarbageCollector::background(std::stop_token stop) {
  return search_.run([this](ForeignKinds found) { take(std::move(found)); }, std::move(stop));
}

void GarbageCollector::take(ForeignKinds found) {
  for (auto& kind : kinds_) {
    if (!kind.foreign) continue;
    const bool there =
        std::any_of(found.kinds.begin(), found.kinds.end(),
                    [&kind](const ForeignKind& each) { return each.type == kind.type; });
    // Of what does not answer nothing is known: it stays.
    kind.served = there || found.failures.contains(client::apiVersionOf(*kind.type));
  }
  for (const auto& foreign : found.kinds) {
    const bool watched = foreign.can("list") && foreign.can("watch") && foreign.can("delete");
    const bool known = std::any_of(kinds_.begin(), kinds_.end(), [&foreign](const Kind& kind) {
      return kind.type == foreign.type;
    });
    if (watched && !known) addForeign(foreign);
  }
}

void GarbageCollector::addForeign(const ForeignKind& foreign) {
  kLog.info("a kind is served that was not before",
            {{"group", foreign.type->group}, {"kind", foreign.kind}});
  add(*foreign.type, foreign.kind);
  auto& kind = kinds_.back();
  kind.foreign = true;
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
