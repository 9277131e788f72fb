#include "runtime/sync.h"

namespace coxswain {

WaitList::~WaitList() {
  while (first_) take();  // one by one: a long chain would end in as deep a recursion
}

void WaitList::add(std::shared_ptr<Waiter> waiter) {
  // Those that gave up are not kept until somebody is told.
  while (first_ && first_->done) take();
  Waiter* added = waiter.get();
  (last_ ? last_->next : first_) = std::move(waiter);
  last_ = added;
}

std::shared_ptr<WaitList::Waiter> WaitList::take() {
  auto taken = std::move(first_);
  first_ = std::move(taken->next);
  if (!first_) last_ = nullptr;
  return taken;
}

bool WaitList::notifyOne() {
  while (first_) {
    auto waiter = take();
    if (waiter->done) continue;
    waiter->done = true;
    waiter->executor->resume(waiter->handle);
    return true;
  }
  return false;
}

void WaitList::notifyAll() {
  while (notifyOne()) {
  }
}

Task<Status> Event::wait(std::stop_token stop) {
  while (!set_) {
    Status waited = co_await list_.wait(stop);
    if (!waited.ok()) co_return waited;
  }
  co_return Status();
}

bool Semaphore::tryAcquire() {
  if (permits_ == 0) return false;
  --permits_;
  return true;
}

Task<Status> Semaphore::acquire(std::stop_token stop) {
  while (!tryAcquire()) {
    Status waited = co_await list_.wait(stop);
    if (!waited.ok()) co_return waited;
  }
  co_return Status();
}

void Semaphore::release() {
  ++permits_;
  list_.notifyOne();
}

Gate::Pass Gate::enter() {
  if (closed_) return {};
  ++inside_;
  return Pass(this);
}

void Gate::leave() {
  --inside_;
  if (closed_ && inside_ == 0) list_.notifyAll();
}

Task<void> Gate::close() {
  closed_ = true;
  while (inside_ > 0) {
    Status ignored = co_await list_.wait();
    (void)ignored;
  }
}

}  // namespace coxswain
