#pragma once

#include <stop_token>

#include "runtime/one_shot.h"
#include "runtime/task.h"
#include "storage/store.h"

namespace coxswain::storage {

/// `store.write` for a coroutine, which continues on its own executor. When stopped the answer is
/// Canceled and the write may still happen.
inline Task<Result<WriteResult>> write(Store& store, WriteRequest request,
                                       std::stop_token stop = {}) {
  OneShot<Result<WriteResult>> answer;
  store.write(std::move(request),
              [answer](Result<WriteResult> r) mutable { answer.set(std::move(r)); });
  std::optional<Result<WriteResult>> result = co_await answer.wait(std::move(stop));
  if (!result) co_return canceled();
  co_return std::move(*result);
}

inline Task<Status> compact(Store& store, Revision revision, std::stop_token stop = {}) {
  OneShot<Status> answer;
  store.compact(revision, [answer](Status s) mutable { answer.set(std::move(s)); });
  std::optional<Status> result = co_await answer.wait(std::move(stop));
  if (!result) co_return canceled();
  co_return std::move(*result);
}

}  // namespace coxswain::storage
