#include "api/gen/meta_v1.h"
#include "apiserver/server/api_server.h"
#include "apiserver/server/encoding.h"
#include "apiserver/server/metrics.h"
#include "apiserver/server/options.h"
#include "apiserver/server/watch_frames.h"
#include "runtime/spawn.h"
#include "runtime/sync.h"

namespace coxswain::apiserver {
namespace {

/// A watch without timeoutSeconds ends after this, so that clients spread over servers.
constexpr int64_t kTimeoutSeconds = 1800;
constexpr auto kBookmarkEvery = 60s;
/// A client that resumes after the end should do so from close to it.
constexpr auto kBookmarkBeforeEnd = 2s;
constexpr size_t kBatch = 256;
/// Frames are sent together up to about this many bytes.
constexpr size_t kWriteBytes = 64 * 1024;
constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

/// What wakes a watch: events, or the time of a bookmark. One executor; shared with what was
/// posted.
struct Wakeup {
  Event event;
  bool bookmarkDue = false;
};

/// Calls back once on the executor, unless destroyed before.
class Timer {
 public:
  explicit Timer(Executor& executor) : executor_(executor) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void start(Duration after, std::shared_ptr<Wakeup> wakeup) {
    cancel();
    armed_ = true;
    id_ = executor_.schedule(executor_.now() + after, [this, wakeup = std::move(wakeup)] {
      armed_ = false;
      wakeup->bookmarkDue = true;
      wakeup->event.set();
    });
  }
  void cancel() {
    if (armed_) executor_.cancel(id_);
    armed_ = false;
  }

 private:
  Executor& executor_;
  Executor::TimerId id_ = 0;
  bool armed_ = false;
};

/// An object of which only the version counts.
api::ConstObject bookmarkOf(const Resource& resource, storage::Revision revision, bool initial) {
  api::Object object(*resource.info);
  auto& meta = *api::objectMeta(object);
  meta.resourceVersion = std::to_string(revision);
  if (initial) meta.annotations.insert_or_assign(kInitialEventsEnd, "true");
  return api::ConstObject(std::move(object));
}

std::function<void()> wakeOn(Executor& executor, const std::shared_ptr<Wakeup>& wakeup) {
  return [&executor, wakeup] { executor.post([wakeup] { wakeup->event.set(); }); };
}

}  // namespace

Task<Status> ApiServer::handleWatch(Exchange& exchange) {
  const auto& info = exchange.info;
  const auto& resource = *exchange.resource;
  const auto& registry = *exchange.registry;
  CO_TRY(auto parameters, parseWatchOptions(exchange.query, info.ns, info.name, resource));
  const auto& selection = parameters.selection;
  storage::Revision after = 0;
  if (!selection.resourceVersion.empty()) {
    auto parsed = parseResourceVersion(selection.resourceVersion);
    if (!parsed.ok()) co_return Status(Reason::Unknown, 500, parsed.status().message());
    after = *parsed;
  }
  if (parameters.fromNow && after == 0) after = registry.cache().watches().revision();
  if (parameters.initialEvents) {
    CO_TRY_STATUS(co_await registry.waitFor(selection.resourceVersion, exchange.request.stop));
  }
  auto wakeup = std::make_shared<Wakeup>();
  GenericRegistry::WatchRequest request;
  request.ns = info.ns;
  request.labels = selection.labels;
  request.fields = selection.fields;
  request.after = parameters.initialEvents ? 0 : after;
  request.initialEvents = parameters.initialEvents;
  request.notify = wakeOn(executor_, wakeup);
  // A version that is too old is told of as an event, as upstream does.
  auto watch = registry.watch(std::move(request));
  auto failure = watch.status();

  const auto mediaType = exchange.accepted.mediaType;
  Encoding encoding;
  encoding.accepted = exchange.accepted;
  // The items of a list form are objects here.
  if (encoding.accepted.form == Form::PartialMetadataList) {
    encoding.accepted.form = Form::PartialMetadata;
  }
  encoding.includeObject = exchange.query.get("includeObject");
  const auto apiVersion = registry.collection().apiVersion;
  auto longRunning = metrics_->beginWatch(resource);
  bool starting = parameters.initialEvents || after == 0;

  std::string out;
  auto appendObject = [&](std::string_view type, const api::ConstObject& object) -> Status {
    encoding.now = executor_.wallNow();
    TRY(auto body, encodeAs(object, apiVersion, resource.kind, encoding));
    encoding.columns = false;
    appendWatchFrame(out, type, body, mediaType);
    return {};
  };
  auto appendEvent = [&](const ObjectEvent& event) -> Status {
    if (event.type == ObjectEvent::Type::Bookmark) {
      if (!parameters.bookmarks) return {};
      return appendObject("BOOKMARK", bookmarkOf(resource, event.revision, true));
    }
    longRunning.event();
    if (starting) longRunning.initialEvent();
    if (encoding.accepted.form == Form::Object) {
      return frames_->append(out, registry, resource, event, mediaType);
    }
    TRY(auto object, WatchFrames::objectOf(registry, event));
    return appendObject(WatchFrames::typeOf(event), object);
  };

  net::Headers headers{{"Content-Type", std::string(watchContentTypeOf(mediaType))},
                       {"Cache-Control", "no-cache, private"}};
  for (const auto& warning : exchange.warnings) {
    headers.add("Warning", warningHeader(warning));
  }
  CO_TRY_STATUS(co_await exchange.response.start(200, std::move(headers)));

  const auto seconds = parameters.timeoutSeconds > 0 ? parameters.timeoutSeconds : kTimeoutSeconds;
  const auto end = executor_.now() + std::chrono::seconds(seconds);
  Deadline deadline(std::chrono::seconds(seconds), exchange.request.stop);
  Timer timer(executor_);
  // A version that is not there yet is not gone back from.
  storage::Revision told = after;
  auto nextBookmark = [&] {
    if (!parameters.bookmarks) return;
    auto left = end - executor_.now() - kBookmarkBeforeEnd;
    if (left <= 0s) return;
    timer.start(std::min<Duration>(kBookmarkEvery, left), wakeup);
  };
  nextBookmark();
  while (failure.ok()) {
    wakeup->event.reset();
    auto events = (*watch)->take(kBatch);
    if (!events.ok()) {
      failure = events.status();
      break;
    }
    for (const auto& event : *events) {
      CO_TRY_STATUS(appendEvent(event));
      if (out.size() < kWriteBytes) continue;
      exchange.seats.release();
      CO_TRY_STATUS(co_await exchange.response.write(out));
      out.clear();
    }
    if (std::exchange(wakeup->bookmarkDue, false)) {
      auto reached = (*watch)->progress();
      if (reached > told) {
        told = reached;
        CO_TRY_STATUS(appendObject("BOOKMARK", bookmarkOf(resource, reached, false)));
      }
      nextBookmark();
    }
    // What there was at the beginning is made: from here on it only waits.
    exchange.seats.release();
    if (!out.empty()) {
      CO_TRY_STATUS(co_await exchange.response.write(out));
      out.clear();
    }
    if (!events->empty()) continue;
    starting = false;
    // Nothing is held while nothing happens.
    out.shrink_to_fit();
    Status waited = co_await wakeup->event.wait(deadline.token());
    if (!waited.ok()) break;
  }
  if (!failure.ok() && !isCanceled(failure)) {
    auto body = encodeStatus(failure, mediaType);
    appendWatchFrame(out, "ERROR", body, mediaType);
    CO_TRY_STATUS(co_await exchange.response.write(out));
  }
  co_return co_await exchange.response.end();
}

}  // namespace coxswain::apiserver
