#include "metrics_api/scraper.h"

#include <algorithm>

#include "base/log.h"
#include "runtime/spawn.h"

namespace coxswain::metrics_api {
namespace {

const Logger kLog("metrics_api");

}  // namespace

Scraper::Scraper(Executor& executor, Kubelets& kubelets, Options options)
    : executor_(executor), kubelets_(kubelets), options_(options), usage_(options.resolution) {}

Task<void> Scraper::ready(std::stop_token stop) {
  lastAsked_ = executor_.now();
  if (!running_) {
    auto pass = gate_.enter();
    if (!pass) co_return;
    running_ = true;
    spawn(executor_, run(std::move(pass)));
  }
  if (ready_.isSet()) co_return;
  Deadline deadline(options_.firstWindow + options_.patience, stop);
  (void)co_await ready_.wait(deadline.token());
}

Task<void> Scraper::stop() {
  stop_.request_stop();
  co_await gate_.close();
}

Task<void> Scraper::run(Gate::Pass pass) {
  co_await runUntilIdle(stop_.get_token());
  usage_.clear();
  ready_.reset();
  running_ = false;
}

Task<void> Scraper::runUntilIdle(std::stop_token stop) {
  co_await scrape(stop);
  Status slept = co_await sleepFor(std::min(options_.firstWindow, options_.resolution), stop);
  while (slept.ok()) {
    co_await scrape(stop);
    ready_.set();
    slept = co_await sleepFor(options_.resolution, stop);
    if (executor_.now() - lastAsked_ > options_.idleAfter) co_return;
  }
}

Task<void> Scraper::scrape(std::stop_token stop) {
  auto nodes = kubelets_.nodes();
  if (!nodes.ok()) {
    kLog.warn("nodes cannot be listed", {{"why", nodes.status()}});
    co_return;
  }
  std::reverse(nodes->begin(), nodes->end());  // taken from the end
  UsageStore::Batch batch;
  std::vector<Task<void>> workers;
  const auto count = std::min(nodes->size(), options_.parallelMax);
  for (size_t i = 0; i < count; ++i) workers.push_back(scrapeSome(*nodes, batch, stop));
  co_await whenAll(std::move(workers));
  if (!stop.stop_requested()) usage_.store(batch);
}

Task<void> Scraper::scrapeSome(std::vector<std::string>& left, UsageStore::Batch& into,
                               std::stop_token stop) {
  while (!left.empty() && !stop.stop_requested()) {
    const std::string node = std::move(left.back());
    left.pop_back();
    Deadline deadline(options_.kubeletTimeout, stop);
    auto text = co_await kubelets_.resourceMetrics(node, deadline.token());
    Result<NodePoint> point = text.ok() ? parseResourceMetrics(*text, executor_.wallNow())
                                        : Result<NodePoint>(text.status());
    if (point.ok()) {
      into.emplace(node, std::move(*point));
    } else if (!stop.stop_requested()) {
      kLog.debug("a kubelet cannot be read", {{"node", node}, {"why", point.status()}});
    }
  }
}

}  // namespace coxswain::metrics_api
