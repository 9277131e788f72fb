#include "apiserver/server/watch_stream.h"

#include "api/gen/meta_v1.h"

namespace coxswain::apiserver {
namespace {

constexpr auto kBookmarkEvery = 60s;
/// A client that resumes after the end should do so from close to it.
constexpr auto kBookmarkBeforeEnd = 2s;
constexpr size_t kBatch = 256;
/// Frames are sent together up to about this many bytes.
constexpr size_t kWriteBytes = 64 * 1024;
constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

/// An object of which only the version counts.
api::ConstObject bookmarkOf(const Resource& resource, storage::Revision revision, bool initial) {
  api::Object object(*resource.info);
  auto& meta = *api::objectMeta(object);
  meta.resourceVersion = std::to_string(revision);
  if (initial) meta.annotations.insert_or_assign(kInitialEventsEnd, "true");
  return api::ConstObject(std::move(object));
}

}  // namespace

// --- waking --------------------------------------------------------------------------------------

void Wakeup::set() {
  std::coroutine_handle<> waiter;
  {
    std::lock_guard lock(mutex_);
    set_ = true;
    waiter = std::exchange(waiter_, nullptr);
  }
  if (waiter) executor_.resume(waiter);
}

bool Wakeup::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(set_, false);
}

bool Wakeup::Awaiter::await_suspend(std::coroutine_handle<> handle) {
  {
    std::lock_guard lock(wakeup_->mutex_);
    if (wakeup_->set_) return false;
    wakeup_->waiter_ = handle;
  }
  // The resumption is posted: this frame is still whole if it comes at once.
  callback_.emplace(stop_, Stop{wakeup_});
  return true;
}

// --- the stream ----------------------------------------------------------------------------------

WatchStream::WatchStream(Parts parts)
    : parts_(std::move(parts)),
      end_(parts_.executor.now() + std::chrono::seconds(parts_.timeoutSeconds)),
      told_(parts_.after),
      failure_(parts_.watch.status()) {
  // The items of a list form are objects here.
  if (parts_.accepted.form == Form::PartialMetadataList) {
    parts_.accepted.form = Form::PartialMetadata;
  }
}

WatchStream::~WatchStream() {
  if (armed_) parts_.executor.cancel(timer_);
}

void WatchStream::setTimer() {
  const auto now = parts_.executor.now();
  auto at = end_;
  if (parts_.bookmarks && end_ - now > kBookmarkBeforeEnd) {
    at = std::min(now + kBookmarkEvery, end_ - kBookmarkBeforeEnd);
  }
  armed_ = true;
  timer_ = parts_.executor.schedule(at, [this] {
    armed_ = false;
    due_ = true;
    parts_.wakeup->set();
  });
}

Status WatchStream::appendObject(std::string& out, std::string_view type,
                                 const api::ConstObject& object) {
  Encoding encoding;
  encoding.accepted = parts_.accepted;
  encoding.includeObject = parts_.includeObject;
  encoding.now = parts_.executor.wallNow();
  encoding.columns = std::exchange(columns_, false);
  TRY(auto body,
      encodeAs(object, parts_.registry.collection().apiVersion, parts_.resource.kind, encoding));
  appendWatchFrame(out, type, body, parts_.accepted.mediaType);
  return {};
}

Status WatchStream::appendEvent(std::string& out, const ObjectEvent& event) {
  if (event.type == ObjectEvent::Type::Bookmark) {
    if (!parts_.bookmarks) return {};
    return appendObject(out, "BOOKMARK", bookmarkOf(parts_.resource, event.revision, true));
  }
  parts_.figures.event();
  if (parts_.starting) parts_.figures.initialEvent();
  if (parts_.accepted.form == Form::Object) {
    return parts_.frames.append(out, parts_.registry, parts_.resource, event,
                                parts_.accepted.mediaType);
  }
  TRY(auto object, WatchFrames::objectOf(parts_.registry, event));
  return appendObject(out, WatchFrames::typeOf(event), object);
}

Status WatchStream::appendBookmark(std::string& out) {
  const auto reached = (*parts_.watch)->progress();
  if (reached <= told_) return {};
  told_ = reached;
  return appendObject(out, "BOOKMARK", bookmarkOf(parts_.resource, reached, false));
}

Task<Result<bool>> WatchStream::sendWaiting(net::ResponseWriter& response) {
  std::string out;
  for (bool some = true; some;) {
    auto events = (*parts_.watch)->take(kBatch);
    if (!events.ok()) {
      failure_ = events.status();
      co_return false;
    }
    some = !events->empty();
    for (const auto& event : *events) {
      CO_TRY_STATUS(appendEvent(out, event));
      if (out.size() < kWriteBytes) continue;
      parts_.seats.release();
      CO_TRY_STATUS(co_await response.write(out));
      out.clear();
    }
    const bool over = parts_.executor.now() >= end_;
    if (std::exchange(due_, false) && !over) {
      if (parts_.bookmarks) CO_TRY_STATUS(appendBookmark(out));
      setTimer();
    }
    // What there was at the beginning is made: from here on it only waits.
    parts_.seats.release();
    if (!out.empty()) {
      CO_TRY_STATUS(co_await response.write(out));
      out.clear();
    }
    if (over) co_return false;
  }
  parts_.starting = false;
  co_return true;
}

Task<Status> WatchStream::run(net::ResponseWriter& response, std::stop_token stop) {
  if (failure_.ok()) setTimer();
  while (failure_.ok() && !stop.stop_requested()) {
    CO_TRY(const bool goesOn, co_await sendWaiting(response));
    if (!goesOn) break;
    co_await parts_.wakeup->wait(stop);
  }
  if (!failure_.ok() && !isCanceled(failure_)) {
    std::string out;
    appendWatchFrame(out, "ERROR", encodeStatus(failure_, parts_.accepted.mediaType),
                     parts_.accepted.mediaType);
    CO_TRY_STATUS(co_await response.write(out));
  }
  co_return co_await response.end();
}

}  // namespace coxswain::apiserver
