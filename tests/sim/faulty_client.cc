#include "faulty_client.h"

#include <fmt/format.h>

#include <optional>

#include "api/gen/meta_v1.h"
#include "api/helpers/objects.h"
#include "client/resources.h"
#include "runtime/spawn.h"

namespace coxswain::simulation {

using client::ResourceType;
using client::Watch;
using client::WatchEvent;

std::string FaultPlan::str() const {
  std::string out;
  const auto add = [&out](std::string_view name, double chance) {
    if (chance > 0) out += fmt::format(" {}={:.3f}", name, chance);
  };
  add("error", error);
  add("throttled", throttled);
  add("timeout", timeout);
  add("unreachable", unreachable);
  add("lost", lost);
  add("conflict", conflict);
  add("watchEnd", watchEnd);
  add("watchExpire", watchExpire);
  add("repeat", repeat);
  add("lagging", lagging);
  if (lagging > 0) out += fmt::format(" lagMax={}ms", lagMax / 1ms);
  add("crash", crash);
  constexpr const char* kWhats[] = {"crash, answered", "crash, unanswered", "answer lost",
                                    "conflict", "error"};
  if (at > 0) out += fmt::format(" write {}: {}", at, kWhats[static_cast<size_t>(what)]);
  return out.empty() ? "nothing" : out.substr(1);
}

void FaultyClient::bury() {
  dead_ = true;
  grave_.set();
}

void FaultyClient::die() {
  if (dead_) return;
  dead_ = true;
  ++state_.crashes;
  onCrash_();
}

Task<Status> FaultyClient::silence(std::stop_token stop) {
  CO_TRY_STATUS(co_await grave_.wait(stop));
  co_return unreachable("the component is dead");
}

Status FaultyClient::collide(const Request& request) {
  server_.touch(request.type, request.ns, request.name);
  return conflict(client::qualifiedName(request.type), request.name, "injected");
}

Task<Status> FaultyClient::arrive(Request request, uint64_t& number, std::stop_token stop) {
  number = 0;
  if (dead_) co_return co_await silence(stop);
  auto& random = state_.random;
  const auto& plan = state_.plan;
  const Duration latency(static_cast<int64_t>(random.below(1 + plan.latencyMax.count())));
  CO_TRY_STATUS(co_await sleepFor(latency, stop));
  if (dead_) co_return co_await silence(stop);
  if (partitioned_) {
    CO_TRY_STATUS(co_await sleepFor(5s, stop));
    co_return unreachable("i/o timeout");
  }
  if (state_.happens(plan.unreachable)) co_return unreachable("connection refused");
  if (state_.happens(plan.error)) co_return internalError("injected");
  if (state_.happens(plan.throttled)) co_return tooManyRequests("injected", 1);
  if (state_.happens(plan.timeout / 2)) co_return timeoutError("injected");
  if (request.kind == Kind::Read || request.type.plural == "events") co_return Status();
  if (onWrite) onWrite(request.type);
  if (request.kind == Kind::Change && state_.happens(plan.conflict)) co_return collide(request);
  if (state_.over) co_return Status();
  number = ++state_.writes;
  if (number == plan.at) {
    if (plan.what == FaultPlan::What::Error) co_return internalError("injected");
    if (plan.what == FaultPlan::What::Conflict && request.kind == Kind::Change) {
      co_return collide(request);
    }
  }
  co_return Status();
}

Task<Status> FaultyClient::leave(Status answer, uint64_t number, std::stop_token stop) {
  if (number == 0 || state_.over) co_return answer;
  const auto& plan = state_.plan;
  bool answered = true;
  bool crash = state_.crashes < plan.crashesMax && state_.happens(plan.crash);
  if (crash) answered = state_.random.below(2) == 0;
  if (number == plan.at && plan.what == FaultPlan::What::CrashAnswered) crash = true;
  if (number == plan.at && plan.what == FaultPlan::What::CrashUnanswered) {
    crash = true;
    answered = false;
  }
  if (crash) {
    die();
    if (!answered) co_return co_await silence(stop);
    co_return answer;
  }
  if (number == plan.at && plan.what == FaultPlan::What::Lost) {
    co_return unreachable("connection reset");
  }
  if (state_.happens(plan.lost)) co_return unreachable("connection reset");
  if (state_.happens(plan.timeout / 2)) co_return timeoutError("injected");
  co_return answer;
}

/// Holds back, repeats and ends.
class FaultyWatch final : public Watch {
 public:
  FaultyWatch(FaultyClient& client, std::unique_ptr<Watch> inner, bool lags)
      : client_(client), opened_(client), inner_(std::move(inner)), lags_(lags) {}

  Task<Result<WatchEvent>> next(std::stop_token stop) override {
    auto& state = client_.state_;
    if (again_) {
      WatchEvent event = std::move(*again_);
      again_.reset();
      co_return event;
    }
    auto next = co_await inner_->next(stop);
    if (client_.dead_) {
      Status silent = co_await client_.silence(stop);
      co_return silent;
    }
    if (client_.partitioned_) {
      CO_TRY_STATUS(co_await sleepFor(30s, stop));
      co_return unreachable("connection reset");
    }
    if (!next.ok()) co_return next.status();
    if (state.happens(state.plan.watchEnd)) co_return endOfStream();
    if (state.happens(state.plan.watchExpire)) co_return expired("injected");
    auto& executor = *Executor::current();
    if (lags_ && !state.over && executor.now() >= flowsUntil_) {
      // What comes meanwhile waits behind, then all flows for a while.
      const auto bound = static_cast<uint64_t>(state.plan.lagMax.count());
      const Duration held(static_cast<int64_t>(state.random.below(bound)));
      CO_TRY_STATUS(co_await sleepFor(held, stop));
      flowsUntil_ = executor.now() + Duration(static_cast<int64_t>(state.random.below(bound)));
    }
    if (state.happens(state.plan.repeat)) again_ = *next;
    co_return std::move(*next);
  }

 private:
  FaultyClient& client_;
  FaultyClient::Opened opened_;
  std::unique_ptr<Watch> inner_;
  const bool lags_;
  MonotonicTime flowsUntil_{};
  std::optional<WatchEvent> again_;
};

Task<Result<api::ConstObject>> FaultyClient::get(const ResourceType& type, std::string ns,
                                                 std::string name, std::stop_token stop) {
  Opened opened(*this);
  uint64_t number = 0;
  Request request{type, Kind::Read, {}, {}};
  CO_TRY_STATUS(co_await arrive(std::move(request), number, stop));
  co_return co_await server_.get(type, std::move(ns), std::move(name), stop);
}

Task<Result<api::ConstObject>> FaultyClient::getSubresource(const ResourceType& type,
                                                            std::string ns, std::string name,
                                                            std::string subresource,
                                                            std::stop_token stop) {
  Opened opened(*this);
  uint64_t number = 0;
  Request request{type, Kind::Read, {}, {}};
  CO_TRY_STATUS(co_await arrive(std::move(request), number, stop));
  co_return co_await server_.getSubresource(type, std::move(ns), std::move(name),
                                            std::move(subresource), stop);
}

Task<Result<client::ObjectList>> FaultyClient::list(const ResourceType& type, std::string ns,
                                                    client::ListOptions options,
                                                    std::stop_token stop) {
  Opened opened(*this);
  uint64_t number = 0;
  Request request{type, Kind::Read, {}, {}};
  CO_TRY_STATUS(co_await arrive(std::move(request), number, stop));
  co_return co_await server_.list(type, std::move(ns), std::move(options), stop);
}

Task<Result<std::unique_ptr<Watch>>> FaultyClient::watch(const ResourceType& type, std::string ns,
                                                         client::WatchOptions options,
                                                         std::stop_token stop) {
  Opened opened(*this);
  uint64_t number = 0;
  Request request{type, Kind::Read, {}, {}};
  CO_TRY_STATUS(co_await arrive(std::move(request), number, stop));
  CO_TRY(auto inner, co_await server_.watch(type, std::move(ns), std::move(options), stop));
  auto [lags, fresh] = state_.lags.try_emplace(&type, false);
  if (fresh) lags->second = state_.happens(state_.plan.lagging);
  std::unique_ptr<Watch> made =
      std::make_unique<FaultyWatch>(*this, std::move(inner), lags->second);
  co_return made;
}

Task<Result<api::ConstObject>> FaultyClient::create(const ResourceType& type, std::string ns,
                                                    std::string name, std::string subresource,
                                                    api::ConstObject object, std::stop_token stop) {
  Opened opened(*this);
  uint64_t number = 0;
  Request request{type, Kind::Create, ns, name};
  CO_TRY_STATUS(co_await arrive(std::move(request), number, stop));
  auto made = co_await server_.create(type, std::move(ns), std::move(name), std::move(subresource),
                                      std::move(object), stop);
  CO_TRY_STATUS(co_await leave(made.status(), number, stop));
  co_return made;
}

Task<Result<api::ConstObject>> FaultyClient::update(const ResourceType& type,
                                                    std::string subresource,
                                                    api::ConstObject object, std::stop_token stop) {
  Opened opened(*this);
  uint64_t number = 0;
  const auto& meta = *api::objectMeta(object);
  Request request{type, Kind::Change, meta.namespace_, meta.name};
  CO_TRY_STATUS(co_await arrive(std::move(request), number, stop));
  auto made = co_await server_.update(type, std::move(subresource), std::move(object), stop);
  CO_TRY_STATUS(co_await leave(made.status(), number, stop));
  co_return made;
}

Task<Result<api::ConstObject>> FaultyClient::patch(const ResourceType& type, std::string ns,
                                                   std::string name, std::string subresource,
                                                   client::PatchType patchType, std::string body,
                                                   std::stop_token stop) {
  Opened opened(*this);
  uint64_t number = 0;
  Request request{type, Kind::Change, ns, name};
  CO_TRY_STATUS(co_await arrive(std::move(request), number, stop));
  auto made = co_await server_.patch(type, std::move(ns), std::move(name), std::move(subresource),
                                     patchType, std::move(body), stop);
  CO_TRY_STATUS(co_await leave(made.status(), number, stop));
  co_return made;
}

Task<Status> FaultyClient::remove(const ResourceType& type, std::string ns, std::string name,
                                  client::DeleteOptions options, std::stop_token stop) {
  Opened opened(*this);
  uint64_t number = 0;
  Request request{type, Kind::Remove, ns, name};
  CO_TRY_STATUS(co_await arrive(std::move(request), number, stop));
  Status removed =
      co_await server_.remove(type, std::move(ns), std::move(name), std::move(options), stop);
  co_return co_await leave(std::move(removed), number, stop);
}

}  // namespace coxswain::simulation
