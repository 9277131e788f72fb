#include "controllers/framework/controller.h"

#include <algorithm>

#include "base/log.h"
#include "runtime/spawn.h"

namespace coxswain::controllers {

namespace {
const Logger kLog("controllers");
}

Controller::Controller(const Context& context, Options options)
    : context_(context),
      options_(std::move(options)),
      queue_(context.executor, options_.queue),
      events_(context.client, context.executor, options_.name) {}

Controller::~Controller() = default;

client::Informer& Controller::use(const client::ResourceType& type) {
  auto& informer = context_.informers.of(type);
  if (std::find(used_.begin(), used_.end(), &informer) == used_.end()) used_.push_back(&informer);
  return informer;
}

Task<Status> Controller::prepare(std::stop_token /*stop*/) {
  co_return Status();
}
Task<void> Controller::background(std::stop_token /*stop*/) {
  co_return;
}

void Controller::start() {
  auto pass = gate_.enter();
  if (pass) spawn(context_.executor, main(*this, std::move(pass), stop_.get_token()));
}

Task<void> Controller::stop() {
  stop_.request_stop();
  co_await gate_.close();
  queue_.shutDown();
  co_await events_.stop();
}

Task<void> Controller::main(Controller& self, Gate::Pass pass, std::stop_token stop) {
  Status prepared = co_await self.prepare(stop);
  if (!prepared.ok()) {
    if (!isCanceled(prepared)) {
      kLog.error("cannot start", {{"controller", self.options_.name}, {"error", prepared}});
    }
    co_return;
  }
  for (auto* informer : self.used_) {
    Status synced = co_await informer->waitSynced(stop);
    if (!synced.ok()) co_return;
  }
  std::vector<Task<void>> tasks;
  for (int i = 0; i < self.options_.workers; ++i) tasks.push_back(self.work(stop));
  tasks.push_back(self.background(stop));
  co_await whenAll(std::move(tasks));
}

Task<void> Controller::work(std::stop_token stop) {
  while (true) {
    auto next = co_await queue_.get(stop);
    if (!next) break;
    std::string key = std::move(*next);
    auto result = co_await reconcile(key, stop);
    if (result.ok()) {
      queue_.forget(key);
      if (*result > Duration(0)) queue_.addAfter(key, *result);
    } else if (!stop.stop_requested()) {
      const bool again = options_.retriesMax < 0 || queue_.failures(key) < options_.retriesMax;
      kLog.debug("reconciling failed", {{"controller", options_.name},
                                        {"key", key},
                                        {"error", result.status()},
                                        {"again", again}});
      if (again) {
        queue_.addRateLimited(key);
      } else {
        kLog.warn("giving up",
                  {{"controller", options_.name}, {"key", key}, {"error", result.status()}});
        queue_.forget(key);
      }
    }
    queue_.done(key);
  }
}

}  // namespace coxswain::controllers
