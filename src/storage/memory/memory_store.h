#pragma once

#include <memory>

#include "storage/store.h"

namespace coxswain::storage {

/// Everything in memory, nothing kept; no thread of its own (see Store about callbacks): a write is
/// complete when `write` returns, unless another thread is writing just then.
std::unique_ptr<Store> makeMemoryStore(StoreOptions options = {});

}  // namespace coxswain::storage
