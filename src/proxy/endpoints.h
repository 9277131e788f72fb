#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/model.h"

namespace coxswain::proxy {

/// An endpoint of a slice with all that decides whether it is used.
struct Candidate {
  Endpoint endpoint;
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::vector<std::string> zoneHints;
  std::vector<std::string> nodeHints;
};

/// The candidates of one port, sorted, each address and port once (the one in the better state).
std::vector<Candidate> candidatesOf(const std::vector<SlicePointer>& slices, std::string_view port,
                                    Protocol protocol, Family family, const NodeView& node);
/// For the policy Cluster: the ready ones that hints give to this node or its zone, else all ready
/// ones; where none is ready, those that still serve while they terminate.
std::vector<Endpoint> clusterEndpoints(const std::vector<Candidate>& candidates,
                                       const NodeView& node);
/// For the policy Local: the ready ones of this node, else its terminating ones that still serve.
std::vector<Endpoint> localEndpoints(const std::vector<Candidate>& candidates);

}  // namespace coxswain::proxy
