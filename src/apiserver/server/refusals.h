#pragma once

#include "base/status.h"

namespace coxswain::apiserver {

// What upstream's router says where no handler is.

inline Status nothingThere() {
  return Status(Reason::NotFound, 404, "the server could not find the requested resource")
      .withDetails({});
}

inline Status notAllowed() {
  return Status(Reason::MethodNotAllowed, 405,
                "the server does not allow this method on the requested resource")
      .withDetails({});
}

}  // namespace coxswain::apiserver
