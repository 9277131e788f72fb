#pragma once

#include <string>
#include <vector>

#include "api/names/quote.h"
#include "apiserver/server/api_server.h"
#include "apiserver/server/negotiation.h"

namespace coxswain::apiserver {

/// One request on its way, as far as it is understood.
struct ApiServer::Exchange {
  net::Request& request;
  net::ResponseWriter& response;
  Accepted accepted = {};
  UserInfo user = {};
  Query query = {};
  RequestInfo info = {};
  const Resource* resource = nullptr;
  GenericRegistry* registry = nullptr;
  std::vector<std::string> warnings = {};
};

}  // namespace coxswain::apiserver
