#include "storage/compactor.h"

#include "base/log.h"
#include "runtime/spawn.h"
#include "storage/async.h"

namespace coxswain::storage {

Task<void> compactPeriodically(Store& store, Duration interval, std::stop_token stop) {
  static const Logger log("storage");
  Revision previous = store.revision();
  for (;;) {
    Status slept = co_await sleepFor(interval, stop);
    if (!slept.ok()) co_return;
    const Revision now = store.revision();
    if (previous > store.compactedRevision() && previous > 1) {
      Status status = co_await compact(store, previous, stop);
      if (isCanceled(status)) co_return;
      if (!status.ok()) log.warn("compaction failed", {{"error", status}});
    }
    previous = now;
  }
}

}  // namespace coxswain::storage
