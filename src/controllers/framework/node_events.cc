#include "controllers/framework/node_events.h"

#include <fmt/format.h>

#include "api/gen/core_v1.h"

namespace coxswain::controllers {

void tellOfNode(client::EventRecorder& events, const std::string& name, const std::string& uid,
                std::string_view reason, const std::string& message) {
  api::core::v1::ObjectReference node;
  node.apiVersion = "v1";
  node.kind = "Node";
  node.name = name;
  node.uid = uid;
  events.event(node, client::kEventNormal, reason,
               message.empty() ? fmt::format("Node {} status is now: {}", name, reason)
                               : fmt::format("Node {} event: {}", name, message));
}

}  // namespace coxswain::controllers
