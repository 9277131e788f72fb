#include "apiserver/flow_control/controller.h"

#include <algorithm>
#include <tuple>

#include "apiserver/registry/flowcontrol/builtin_objects.h"
#include "base/assert.h"

namespace coxswain::apiserver::flow {
namespace {

using namespace api::flowcontrol::v1;  // NOLINT

constexpr int32_t kRetryAfterSeconds = 1;
constexpr std::string_view kMasters = "system:masters";
constexpr std::string_view kReading[] = {"get", "list", "watch"};

Status refusal() {
  return tooManyRequests("Too many requests, please try again later.", kRetryAfterSeconds);
}

double secondsOf(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// What `level` has out of the pool when it holds `seats`.
int64_t pooled(const Level& level, int64_t seats) {
  const auto beyond = std::max<int64_t>(0, seats - level.limits().lower);
  // Exempt levels take what they want; of the pool only their own part.
  return level.exempt() ? std::min(beyond, level.lendable()) : beyond;
}

/// The given ones, and those that must be there.
template <typename T, typename Builtin>
std::vector<std::shared_ptr<const T>> withMandatory(std::vector<std::shared_ptr<const T>> objects,
                                                    std::span<const Builtin> builtins) {
  for (const auto& one : builtins) {
    const auto& name = one.object.metadata.name;
    const bool there = std::any_of(objects.begin(), objects.end(), [&](const auto& object) {
      return object->metadata.name == name;
    });
    if (one.mandatory && !there) objects.push_back(std::make_shared<const T>(one.object));
  }
  return objects;
}

template <typename T, typename Builtin>
std::vector<std::shared_ptr<const T>> shared(std::span<const Builtin> builtins) {
  std::vector<std::shared_ptr<const T>> out;
  for (const auto& one : builtins) out.push_back(std::make_shared<const T>(one.object));
  return out;
}

}  // namespace

void Seats::swap(Seats& other) noexcept {
  std::swap(controller_, other.controller_);
  schema_.swap(other.schema_);
  std::swap(width_, other.width_);
  std::swap(queue_, other.queue_);
  std::swap(epoch_, other.epoch_);
  std::swap(queued_, other.queued_);
  std::swap(write_, other.write_);
  std::swap(since_, other.since_);
}

void Seats::release() {
  if (auto* controller = std::exchange(controller_, nullptr)) controller->give(*this);
}

FlowController::FlowController(Executor& executor, FlowOptions options)
    : executor_(executor), options_(options), turnLeft_(options.turnSeats) {
  if (options_.fair) {
    configure(shared<FlowSchema>(builtinFlowSchemas()),
              shared<PriorityLevelConfiguration>(builtinPriorityLevels()));
  }
}

FlowController::~FlowController() {
  COXSWAIN_ASSERT(waiting_ == 0);
  if (timerArmed_) executor_.cancel(timer_);
}

Level* FlowController::level(const std::string& name) const {
  for (const auto& one : levels_) {
    if (one->name() == name && !one->removed) return one.get();
  }
  return nullptr;
}

std::shared_ptr<FlowStats> FlowController::statsOf(const std::string& schema,
                                                   const std::string& level) {
  for (const auto& one : stats_) {
    if (one->schema == schema && one->level == level) return one;
  }
  auto made = std::make_shared<FlowStats>();
  made->schema = schema;
  made->level = level;
  stats_.push_back(made);
  return made;
}

void FlowController::configure(const std::vector<SchemaPtr>& schemas,
                               const std::vector<LevelPtr>& levels) {
  for (auto& one : levels_) one->removed = true;
  int64_t shares = 0;
  for (const auto& object : withMandatory(levels, builtinPriorityLevels())) {
    auto found = std::find_if(levels_.begin(), levels_.end(), [&](const auto& one) {
      return one->name() == object->metadata.name;
    });
    if (found == levels_.end()) {
      levels_.push_back(std::make_unique<Level>(object->metadata.name));
      found = std::prev(levels_.end());
    }
    (*found)->configure(*object);
    shares += (*found)->shares();
  }
  pool_ = 0;
  borrowed_ = 0;
  for (auto& one : levels_) {
    // One that is gone has no seats; what still waits there runs when it can.
    one->setLimits(one->removed ? 0 : options_.seats(), shares);
    pool_ += one->lendable();
    borrowed_ += pooled(*one, one->seats());
  }

  schemas_.clear();
  auto kept = std::move(stats_);
  stats_.clear();
  for (auto& one : kept) {
    if (one->waiting > 0 || one->executing > 0) stats_.push_back(one);
  }
  for (const auto& object : withMandatory(schemas, builtinFlowSchemas())) {
    auto made = std::make_shared<Schema>();
    made->object = object;
    made->level = level(object->spec.priorityLevelConfiguration.name);
    if (!made->level) continue;
    made->levelUid = made->level->uid();
    if (object->spec.distinguisherMethod) {
      const auto& by = object->spec.distinguisherMethod->type;
      if (by == kFlowDistinguisherMethodByUserType) made->by = Schema::By::User;
      if (by == kFlowDistinguisherMethodByNamespaceType) made->by = Schema::By::Namespace;
    }
    for (const auto& one : kept) {
      if (one->schema != object->metadata.name || one->level != made->level->name()) continue;
      if (one->waiting == 0 && one->executing == 0) stats_.push_back(one);
    }
    made->stats = statsOf(object->metadata.name, made->level->name());
    schemas_.push_back(std::move(made));
  }
  std::sort(schemas_.begin(), schemas_.end(), [](const auto& a, const auto& b) {
    const auto& left = *a->object;
    const auto& right = *b->object;
    return std::tie(left.spec.matchingPrecedence, left.metadata.name) <
           std::tie(right.spec.matchingPrecedence, right.metadata.name);
  });
  // Names that nothing refers to any more. Schemas of requests on their way refer to levels: those
  // hold seats or wait, so the level is used.
  std::erase_if(levels_, [](const auto& one) { return one->unused(); });
  dispatch();
}

Flow FlowController::classify(const RequestDigest& request) const {
  Flow out;
  out.write =
      std::find(std::begin(kReading), std::end(kReading), request.verb) == std::end(kReading);
  if (!options_.fair) {
    out.privileged =
        std::find(request.groups.begin(), request.groups.end(), kMasters) != request.groups.end();
    return out;
  }
  for (const auto& schema : schemas_) {
    if (!matches(*schema->object, request)) continue;
    out.schema = schema;
    break;
  }
  // Users without any group: the last resort has them.
  if (!out.schema) out.schema = schemas_.back();
  if (out.schema->level->queues()) out.hash = flowHash(*out.schema, request);
  return out;
}

bool FlowController::roomFor(const Level& level, uint32_t width) const {
  // Wider than the level is: alone.
  if (level.seats() == 0) return true;
  const auto after = level.seats() + width;
  if (after > level.limits().upper) return false;
  const auto more = pooled(level, after) - pooled(level, level.seats());
  return more <= 0 || borrowed_ + more <= pool_;
}

void FlowController::take(Level& level, uint32_t width) {
  const auto before = pooled(level, level.seats());
  level.take(width);
  borrowed_ += pooled(level, level.seats()) - before;
}

Seats FlowController::seat(const Flow& what, uint32_t width) {
  Seats seats;
  seats.controller_ = this;
  seats.width_ = width;
  seats.write_ = what.write;
  ++(what.write ? writes_ : reads_);
  seats.schema_ = what.schema;
  if (!what.schema) return seats;
  auto& stats = *what.schema->stats;
  ++stats.dispatched;
  ++stats.executing;
  stats.executingSeats += width;
  seats.since_ = executor_.now();
  return seats;
}

void FlowController::give(const Seats& seats) {
  --(seats.write_ ? writes_ : reads_);
  if (!seats.schema_) return;
  auto& level = *seats.schema_->level;
  auto& stats = *seats.schema_->stats;
  const auto took = executor_.now() - seats.since_;
  --stats.executing;
  stats.executingSeats -= seats.width_;
  stats.execution.observe(secondsOf(took));
  const auto before = pooled(level, level.seats());
  level.give(seats.width_);
  borrowed_ += pooled(level, level.seats()) - before;
  if (seats.queued_) level.settle(seats.queue_, seats.epoch_, seats.width_, took);
  if (level.unused()) {
    std::erase_if(levels_, [&](const auto& one) { return one.get() == &level; });
  }
  if (waiting_ > 0) dispatch();
}

bool FlowController::Admit::await_ready() {
  auto& controller = controller_;
  const auto& options = controller.options_;
  if (!flow_.schema) {
    const auto running = flow_.write ? controller.writes_ : controller.reads_;
    const auto most = flow_.write ? options.writesMax : options.readsMax;
    if (most > 0 && running >= most && !flow_.privileged) refused_ = Refusal::ConcurrencyLimit;
    return true;
  }
  auto& level = *flow_.schema->level;
  if (level.exempt()) {
    controller.take(level, width_);
    return true;
  }
  const bool room = controller.roomFor(level, width_);
  if (!level.queues()) {
    if (room) {
      controller.take(level, width_);
    } else {
      refused_ = Refusal::ConcurrencyLimit;
    }
    return true;
  }
  // Borrowers stand back while somebody waits.
  const bool modest = controller.waiting_ == 0 || level.seats() + width_ <= level.limits().nominal;
  if (room && modest && level.waiting() == 0 && controller.turnLeft_ > 0) {
    controller.turnLeft_ -= width_;
    controller.take(level, width_);
    controller.askForTurn();
    return true;
  }
  if (controller.waiting_ >= options.waitingMax || !level.pickQueue(flow_.hash, queue_)) {
    refused_ = Refusal::QueueFull;
    return true;
  }
  return false;
}

void FlowController::Admit::await_suspend(std::coroutine_handle<> handle) {
  waiting_ = std::make_shared<Waiting>();
  waiting_->level = flow_.schema->level;
  waiting_->stats = flow_.schema->stats;
  waiting_->width = width_;
  waiting_->queue = queue_;
  waiting_->handle = handle;
  controller_.enqueue(*waiting_);
  callback_.emplace(stop_, Cancel{controller_, waiting_});
}

void FlowController::Admit::Cancel::operator()() const {
  // Any thread, and perhaps inside await_suspend: the decision is made later, on the executor.
  controller.executor_.post([w = waiting, c = &controller] {
    if (w->outcome == Waiting::Outcome::Waits) c->giveUp(*w, Waiting::Outcome::Cancelled);
  });
}

Result<Seats> FlowController::Admit::await_resume() {
  callback_.reset();
  const auto* schema = flow_.schema.get();
  if (waiting_) {
    const auto waited = controller_.executor_.now() - waiting_->since;
    if (waiting_->outcome != Waiting::Outcome::Runs) {
      const bool late = waiting_->outcome == Waiting::Outcome::TimedOut;
      ++schema->stats->refused[static_cast<size_t>(late ? Refusal::TimeOut : Refusal::Cancelled)];
      schema->stats->waitOfRefused.observe(secondsOf(waited));
      return late ? refusal() : canceled();
    }
    schema->stats->waitOfExecuted.observe(secondsOf(waited));
  }
  if (refused_) {
    if (schema) {
      ++schema->stats->refused[static_cast<size_t>(*refused_)];
      schema->stats->waitOfRefused.observe(0);
    }
    return refusal();
  }
  auto seats = controller_.seat(flow_, width_);
  if (waiting_) {
    seats.queued_ = true;
    seats.queue_ = waiting_->queue;
    seats.epoch_ = waiting_->epoch;
  } else if (schema) {
    schema->stats->waitOfExecuted.observe(0);
  }
  return seats;
}

void FlowController::enqueue(Waiting& waiting) {
  waiting.since = executor_.now();
  auto& level = *waiting.level;
  if (level.waiting() == 0) level.pass = std::max(level.pass, pass_);
  level.enqueue(waiting);
  ++waiting_;
  ++waiting.stats->waiting;
  waiting.older = newest_;
  (newest_ ? newest_->newer : oldest_) = &waiting;
  newest_ = &waiting;
  if (!timerArmed_) armTimer();
}

/// Out of the list of all that wait; it is out of its queue already.
void FlowController::forget(Waiting& waiting) {
  --waiting_;
  --waiting.stats->waiting;
  (waiting.older ? waiting.older->newer : oldest_) = waiting.newer;
  (waiting.newer ? waiting.newer->older : newest_) = waiting.older;
}

void FlowController::giveUp(Waiting& waiting, Waiting::Outcome outcome) {
  waiting.level->drop(waiting);
  forget(waiting);
  waiting.outcome = outcome;
  executor_.resume(waiting.handle);
}

void FlowController::dispatch() {
  while (waiting_ > 0 && turnLeft_ > 0) {
    Level* best = nullptr;
    bool bestBorrows = false;
    for (const auto& one : levels_) {
      const auto* head = one->head();
      if (!head || !roomFor(*one, head->width)) continue;
      const bool borrows = one->seats() + head->width > one->limits().nominal;
      if (!best || borrows < bestBorrows || (borrows == bestBorrows && one->pass < best->pass)) {
        best = one.get();
        bestBorrows = borrows;
      }
    }
    if (!best) return;
    pass_ = best->pass;
    auto* waiting = best->dispatch();
    forget(*waiting);
    best->pass += static_cast<double>(waiting->width) /
                  static_cast<double>(std::max<int64_t>(best->limits().nominal, 1));
    take(*best, waiting->width);
    turnLeft_ -= waiting->width;
    askForTurn();
    executor_.resume(waiting->handle);
  }
}

void FlowController::askForTurn() {
  if (turnAsked_) return;
  turnAsked_ = true;
  executor_.post([this, alive = std::weak_ptr<int>(alive_)] {
    if (!alive.expired()) onTurn();
  });
}

void FlowController::onTurn() {
  turnAsked_ = false;
  turnLeft_ = options_.turnSeats;
  dispatch();
}

void FlowController::armTimer() {
  timerArmed_ = true;
  timer_ = executor_.schedule(oldest_->since + options_.waitMax, [this] { onTimer(); });
}

void FlowController::onTimer() {
  timerArmed_ = false;
  const auto now = executor_.now();
  while (oldest_ && now - oldest_->since >= options_.waitMax) {
    giveUp(*oldest_, Waiting::Outcome::TimedOut);
  }
  if (oldest_) armTimer();
}

}  // namespace coxswain::apiserver::flow
