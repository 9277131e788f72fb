#pragma once

#include <memory>
#include <stop_token>

#include "net/http.h"

namespace coxswain::net {

/// Goes on with `answer` until it has ended or `stop`, for a server that waits with it.
Task<void> runToEnd(std::shared_ptr<LastingAnswer> answer, ResponseWriter& response,
                    std::stop_token stop);

}  // namespace coxswain::net
