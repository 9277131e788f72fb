#pragma once

#include <functional>
#include <string_view>

#include "client/client.h"

namespace coxswain::controllers {

/// The service account of kube-system that a controller acts as: upstream's, which the cluster's
/// bootstrap roles name. Controllers that share their rights share it.
std::string_view accountOf(std::string_view controller);

/// The client of an account of kube-system; outlives the controllers.
using ClientOf = std::function<client::Client&(std::string_view account)>;

}  // namespace coxswain::controllers
