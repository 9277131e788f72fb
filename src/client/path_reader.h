#pragma once

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "runtime/task.h"

namespace coxswain::client {

class Client;

/// Names and values, not encoded.
using PathQuery = std::vector<std::pair<std::string, std::string>>;

/// What some clients can do besides: GET of any path, for APIs whose paths name no stored objects
/// (metrics). Any executor; failures are as a Client's.
class PathReader {
 public:
  virtual ~PathReader() = default;
  /// The answer's JSON. `path` is encoded where it needs it.
  virtual Task<Result<std::string>> readPath(std::string path, PathQuery query,
                                             std::stop_token stop) = 0;
};

/// Null: this client cannot.
PathReader* pathReaderOf(Client& client);

}  // namespace coxswain::client
