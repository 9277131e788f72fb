#include "apiserver/server/watch_stream.h"

#include "api/gen/meta_v1.h"
#include "apiserver/server/auditing.h"

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

WatchStream::WatchStream(Parts parts)
    : executor_(parts.executor),
      frames_(parts.frames),
      registry_(parts.registry),
      resource_(parts.resource),
      figures_(std::move(parts.figures)),
      seats_(std::make_unique<flow::Seats>(std::move(parts.seats))),
      end_(executor_.now() + std::chrono::seconds(parts.timeoutSeconds)),
      told_(parts.after),
      accepted_(parts.accepted),
      starting_(parts.starting),
      bookmarks_(parts.bookmarks) {
  // The items of a list form are objects here.
  if (accepted_.form == Form::PartialMetadataList) accepted_.form = Form::PartialMetadata;
  if (accepted_.form == Form::Table) {
    includeObject_ = std::make_unique<const std::string>(std::move(parts.includeObject));
  }
}

WatchStream::~WatchStream() {
  if (timer_ != 0) executor_.cancel(timer_);
}

void WatchStream::watch(GenericRegistry::WatchRequest request) {
  request.notify = [this] { poke(); };
  auto watch = registry_.watch(std::move(request));
  failure_ = watch.status();
  if (!watch.ok()) return;
  watch_ = std::move(*watch);
  setTimer();
}

void WatchStream::poke() {
  if (poked_.exchange(true)) return;
  executor_.post([weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->poked_ = false;
    self->wake();
  });
}

void WatchStream::setTimer() {
  const auto now = executor_.now();
  auto at = end_;
  if (bookmarks_ && end_ - now > kBookmarkBeforeEnd) {
    at = std::min(now + kBookmarkEvery, end_ - kBookmarkBeforeEnd);
  }
  timer_ = executor_.schedule(at, [this] {
    timer_ = 0;
    due_ = true;
    wake();
  });
}

Status WatchStream::appendObject(std::string& out, std::string_view type,
                                 const api::ConstObject& object) {
  Encoding encoding;
  encoding.accepted = accepted_;
  if (includeObject_) encoding.includeObject = *includeObject_;
  encoding.now = executor_.wallNow();
  encoding.columns = std::exchange(columns_, false);
  TRY(auto body, encodeAs(object, registry_.collection().apiVersion, resource_.kind, encoding));
  appendWatchFrame(out, type, body, accepted_.mediaType);
  return {};
}

Status WatchStream::appendEvent(std::string& out, const ObjectEvent& event) {
  if (event.type == ObjectEvent::Type::Bookmark) {
    if (!bookmarks_) return {};
    return appendObject(out, "BOOKMARK", bookmarkOf(resource_, event.revision, true));
  }
  figures_.event();
  if (starting_) figures_.initialEvent();
  if (accepted_.form == Form::Object) {
    return frames_.append(out, registry_, resource_, event, accepted_.mediaType);
  }
  TRY(auto object, WatchFrames::objectOf(registry_, event));
  return appendObject(out, WatchFrames::typeOf(event), object);
}

Status WatchStream::appendBookmark(std::string& out) {
  const auto reached = watch_->progress();
  if (reached <= told_) return {};
  told_ = reached;
  return appendObject(out, "BOOKMARK", bookmarkOf(resource_, reached, false));
}

Task<Result<bool>> WatchStream::advance(net::ResponseWriter& response) {
  std::string out;
  for (bool some = failure_.ok(); some;) {
    auto events = watch_->take(kBatch);
    failure_ = events.status();
    if (!events.ok()) break;
    some = !events->empty();
    for (const auto& event : *events) {
      CO_TRY_STATUS(appendEvent(out, event));
      if (out.size() < kWriteBytes) continue;
      seats_.reset();
      CO_TRY_STATUS(co_await response.write(out));
      out.clear();
    }
    const bool over = executor_.now() >= end_;
    if (std::exchange(due_, false) && !over) {
      if (bookmarks_) CO_TRY_STATUS(appendBookmark(out));
      setTimer();
    }
    // What there was at the beginning is made: from here on it only waits.
    seats_.reset();
    if (!out.empty()) {
      CO_TRY_STATUS(co_await response.write(out));
      out.clear();
    }
    if (over) co_return co_await end(response);
  }
  starting_ = false;
  if (!failure_.ok()) co_return co_await end(response);
  co_return true;
}

Task<Result<bool>> WatchStream::end(net::ResponseWriter& response) {
  if (!failure_.ok() && !isCanceled(failure_)) {
    std::string out;
    appendWatchFrame(out, "ERROR", encodeStatus(failure_, accepted_.mediaType),
                     accepted_.mediaType);
    CO_TRY_STATUS(co_await response.write(out));
  }
  CO_TRY_STATUS(co_await response.end());
  co_return false;
}

void WatchStream::ended() {
  if (trail_) endAudit(*trail_, {}, 200, executor_.wallNow());
}

}  // namespace coxswain::apiserver
