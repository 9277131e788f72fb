#pragma once

#include <string>
#include <vector>

#include "client/testing/fake_client.h"

namespace coxswain::simulation {

/// What a cluster has become, so that two runs can be compared: each object (but for events and
/// leases) as a line, sorted. Uids are told as what they name, generated names by their beginning;
/// versions, generations, times, addresses and the choice of nodes are left out, the order of lists
/// is that of their texts. A generation that its status has not seen is told.
std::vector<std::string> normalForm(const client::testing::FakeClient& server);

/// Empty: equal. Else what is only here or there, some lines of it.
std::string difference(const std::vector<std::string>& wanted, const std::vector<std::string>& is);

}  // namespace coxswain::simulation
