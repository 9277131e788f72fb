#pragma once

#include "base/status.h"

namespace coxswain::api::meta::v1 {
struct Status;
}

namespace coxswain::client {

/// A Status that came over the wire as ours. A failure, whatever it says of success.
Status fromWire(const api::meta::v1::Status& wire);

}  // namespace coxswain::client
