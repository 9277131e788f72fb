#include "apiserver/local/local_watch.h"

#include <deque>

#include "api/gen/meta_v1.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::apiserver {
namespace {

using client::WatchEvent;
using client::WatchEventType;

constexpr size_t kBatch = 256;
constexpr auto kBookmarkEvery = 60s;

/// All on the server's executor, but for the references to it.
struct State {
  State(Executor& serverExecutor, const GenericRegistry& served, bool wantsBookmarks,
        ServerMetrics::Watching figures)
      : executor(serverExecutor),
        registry(served),
        bookmarks(wantsBookmarks),
        counted(std::move(figures)) {}
  Executor& executor;
  const GenericRegistry& registry;
  const bool bookmarks;
  ServerMetrics::Watching counted;
  bool starting = false;
  std::unique_ptr<ObjectWatch> watch;
  std::deque<ObjectEvent> waiting;
  Event arrived;
  storage::Revision told = 0;
  Status ended;
};

/// The state's last owner may be on another thread: it goes where it belongs.
void release(std::shared_ptr<State> state) {
  auto& executor = state->executor;
  executor.post([state = std::move(state)]() mutable { state.reset(); });
}

Result<WatchEvent> clientEvent(const State& state, const ObjectEvent& event) {
  WatchEvent out;
  switch (event.type) {
    case ObjectEvent::Type::Added:
      out.type = WatchEventType::Added;
      break;
    case ObjectEvent::Type::Modified:
      out.type = WatchEventType::Modified;
      break;
    case ObjectEvent::Type::Deleted:
      out.type = WatchEventType::Deleted;
      break;
    case ObjectEvent::Type::Bookmark:
      out.type = WatchEventType::Bookmark;
      break;
  }
  if (event.type == ObjectEvent::Type::Bookmark) {
    api::Object object(state.registry.strategy().info());
    api::objectMeta(object)->resourceVersion = std::to_string(event.revision);
    out.object = api::ConstObject(std::move(object));
    return out;
  }
  TRY(out.object, state.registry.decode(event.entry));
  if (event.type == ObjectEvent::Type::Deleted) {
    // Its last state, at the revision at which it went.
    auto copy = out.object.clone();
    api::objectMeta(copy)->resourceVersion = std::to_string(event.revision);
    out.object = api::ConstObject(std::move(copy));
  }
  return out;
}

/// Waits for events, or for the time of a bookmark. False: that time.
Task<Result<bool>> await(State& state, std::stop_token stop) {
  if (!state.bookmarks) {
    CO_TRY_STATUS(co_await state.arrived.wait(stop));
    co_return true;
  }
  Deadline deadline(kBookmarkEvery, stop);
  Status waited = co_await state.arrived.wait(deadline.token());
  if (waited.ok()) co_return true;
  if (stop.stop_requested() || !deadline.expired()) co_return canceled();
  co_return false;
}

Task<Result<WatchEvent>> nextOn(std::shared_ptr<State> state, std::stop_token stop) {
  while (state->waiting.empty()) {
    if (!state->ended.ok()) co_return state->ended;
    state->arrived.reset();
    auto events = state->watch->take(kBatch);
    if (!events.ok()) {
      state->ended = events.status();
      // The server's cache goes on with a new watch of the store: so may the client.
      if (isCanceled(state->ended)) state->ended = endOfStream();
      continue;
    }
    for (auto& event : *events) {
      state->counted.event();
      if (state->starting) state->counted.initialEvent();
      state->waiting.push_back(std::move(event));
    }
    if (!state->waiting.empty()) break;
    state->starting = false;
    CO_TRY(bool woken, co_await await(*state, stop));
    if (woken) continue;
    const auto reached = state->watch->progress();
    if (reached <= state->told) continue;
    state->told = reached;
    ObjectEvent bookmark;
    bookmark.type = ObjectEvent::Type::Bookmark;
    bookmark.revision = reached;
    co_return clientEvent(*state, bookmark);
  }
  auto event = std::move(state->waiting.front());
  state->waiting.pop_front();
  co_return clientEvent(*state, event);
}

class LocalWatch final : public client::Watch {
 public:
  explicit LocalWatch(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~LocalWatch() override { release(std::move(state_)); }
  LocalWatch(const LocalWatch&) = delete;
  LocalWatch& operator=(const LocalWatch&) = delete;

  Task<Result<WatchEvent>> next(std::stop_token stop) override {
    auto state = state_;
    auto task = nextOn(state, std::move(stop));
    if (Executor::current() == &state->executor) co_return co_await std::move(task);
    auto event = co_await runOn(state->executor, std::move(task));
    release(std::move(state));
    co_return event;
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

Result<std::unique_ptr<client::Watch>> openLocalWatch(Executor& executor,
                                                      const GenericRegistry& registry,
                                                      ListRequest selection,
                                                      storage::Revision after, bool bookmarks,
                                                      ServerMetrics::Watching counted) {
  auto state = std::make_shared<State>(executor, registry, bookmarks, std::move(counted));
  state->starting = after == 0;
  GenericRegistry::WatchRequest request;
  request.ns = selection.ns;
  request.labels = std::move(selection.labels);
  request.fields = std::move(selection.fields);
  request.after = after;
  std::weak_ptr<State> weak = state;
  request.notify = [&executor, weak] {
    executor.post([weak] {
      if (auto held = weak.lock()) held->arrived.set();
    });
  };
  TRY(state->watch, registry.watch(std::move(request)));
  std::unique_ptr<client::Watch> made = std::make_unique<LocalWatch>(std::move(state));
  return made;
}

}  // namespace coxswain::apiserver
