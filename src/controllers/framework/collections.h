#pragma once

#include <vector>

#include "client/client.h"

namespace coxswain::controllers {

/// The kinds of client/resource_table.h that are stored, each once however many versions or groups
/// show it, pods first. Without kinds that can only be posted.
const std::vector<const client::ResourceType*>& storedCollections();

}  // namespace coxswain::controllers
