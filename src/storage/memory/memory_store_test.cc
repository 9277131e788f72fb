#include "storage/memory/memory_store.h"

#include "storage/testing/store_suite.h"

namespace coxswain::storage {
namespace {

class MemoryEngine final : public testing::Engine {
 public:
  std::unique_ptr<Store> open(StoreOptions options) override {
    return makeMemoryStore(std::move(options));
  }
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, StoreSuite,
                         ::testing::Values([]() -> std::unique_ptr<testing::Engine> {
                           return std::make_unique<MemoryEngine>();
                         }));

}  // namespace coxswain::storage
