#pragma once

#include <string>
#include <string_view>

#include "client/event_recorder.h"

namespace coxswain::controllers {

/// An event about a node, in the words of upstream's controllers: "Node n event: <message>", or,
/// without a message, "Node n status is now: <reason>".
void tellOfNode(client::EventRecorder& events, const std::string& name, const std::string& uid,
                std::string_view reason, const std::string& message);

}  // namespace coxswain::controllers
