#pragma once

#include <string>
#include <vector>

#include "apiserver/generic/request_context.h"
#include "apiserver/server/negotiation.h"
#include "apiserver/server/request_info.h"
#include "net/http.h"

namespace coxswain::apiserver {

/// A request that came by HTTP, as far as it is understood.
struct Exchange : RequestContext {
  Exchange(net::Request& httpRequest, net::ResponseWriter& httpResponse)
      : request(httpRequest), response(httpResponse) {}

  net::Request& request;
  net::ResponseWriter& response;
  Accepted accepted = {};
  Query query = {};
  std::string gzipBody = {};       ///< the answer, compressed already
  int code = 200;                  ///< of the answer that was sent
  std::string continueToken = {};  ///< of a list that failed: where it can be gone on with
};

}  // namespace coxswain::apiserver
