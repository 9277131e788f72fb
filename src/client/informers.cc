#include "client/informers.h"

#include "runtime/spawn.h"

namespace coxswain::client {

Informers::Informers(Client& client, Executor& executor) : client_(client), executor_(executor) {}
Informers::~Informers() = default;

Informer& Informers::of(const ResourceType& type) {
  auto& entry = entries_[&type];
  if (!entry.informer) {
    Informer::Options options;
    if (auto trim = trims_.find(&type); trim != trims_.end()) options.trim = trim->second;
    entry.informer = std::make_unique<Informer>(client_, type, std::move(options));
  }
  return *entry.informer;
}

void Informers::start() {
  for (auto& [type, entry] : entries_) {
    if (entry.started) continue;
    auto pass = gate_.enter();
    if (!pass) return;
    entry.started = true;
    spawn(executor_, runOne(std::move(pass), *entry.informer, stop_.get_token()));
  }
}

Task<void> Informers::runOne(Gate::Pass pass, Informer& informer, std::stop_token stop) {
  co_await informer.run(std::move(stop));
}

Task<Status> Informers::waitSynced(std::stop_token stop) {
  std::vector<Informer*> started;
  for (auto& [type, entry] : entries_) {
    if (entry.started) started.push_back(entry.informer.get());
  }
  for (auto* informer : started) CO_TRY_STATUS(co_await informer->waitSynced(stop));
  co_return Status();
}

Task<void> Informers::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

}  // namespace coxswain::client
