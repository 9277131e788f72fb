#include "storage/memory/memory_store.h"

#include "storage/mvcc_store.h"

namespace coxswain::storage {

std::unique_ptr<Store> makeMemoryStore(StoreOptions options) {
  // Without a log nothing can fail.
  return std::move(MvccStore::create(std::move(options), nullptr)).value();
}

}  // namespace coxswain::storage
