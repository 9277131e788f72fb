#include "scheduler/framework/waiting_pods.h"

#include <algorithm>

#include "api/meta/time.h"
#include "runtime/spawn.h"

namespace coxswain::scheduler {

void WaitingPods::add(const std::string& key, std::vector<Wait> waits) {
  auto entry = std::make_shared<Entry>();
  entry->waits = std::move(waits);
  pods_[key] = std::move(entry);
}

Task<WaitingPods::Verdict> WaitingPods::wait(std::string key, std::stop_token stop) {
  const auto at = pods_.find(key);
  if (at == pods_.end()) co_return Verdict{"", ""};
  const auto held = at->second;
  Entry& entry = *held;
  Verdict verdict;
  if (!entry.verdict && !entry.waits.empty()) {
    const Wait shortest =
        *std::min_element(entry.waits.begin(), entry.waits.end(),
                          [](const Wait& a, const Wait& b) { return a.atMost < b.atMost; });
    Deadline deadline(shortest.atMost, stop);
    Status waited = co_await entry.decided.wait(deadline.token());
    if (!waited.ok() && !entry.verdict) {
      verdict.plugin = shortest.plugin;
      verdict.message = deadline.expired() ? "rejected due to timeout after waiting " +
                                                 api::GoDuration(shortest.atMost).str() +
                                                 " at plugin " + shortest.plugin
                                           : "stopped";
    }
  }
  if (entry.verdict) verdict = *entry.verdict;
  if (const auto now = pods_.find(key); now != pods_.end() && now->second == held) pods_.erase(now);
  co_return verdict;
}

void WaitingPods::allow(const std::string& key, std::string_view plugin) {
  const auto at = pods_.find(key);
  if (at == pods_.end() || at->second->verdict) return;
  auto& waits = at->second->waits;
  std::erase_if(waits, [&](const Wait& wait) { return wait.plugin == plugin; });
  if (!waits.empty()) return;
  at->second->verdict = Verdict();
  at->second->decided.set();
}

void WaitingPods::reject(const std::string& key, std::string_view plugin, std::string message) {
  const auto at = pods_.find(key);
  if (at == pods_.end() || at->second->verdict) return;
  at->second->verdict = Verdict{std::string(plugin), std::move(message)};
  at->second->decided.set();
}

std::vector<std::string> WaitingPods::keys() const {
  std::vector<std::string> out;
  for (const auto& [key, entry] : pods_) out.push_back(key);
  return out;
}

}  // namespace coxswain::scheduler
