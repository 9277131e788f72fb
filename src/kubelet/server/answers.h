#pragma once

#include <string>

#include "net/http.h"

/// Short answers of the kubelet's port. Inside of the folder only.
namespace coxswain::kubelet::server {

Task<Status> answerText(net::ResponseWriter& response, int code, std::string text);
/// Prometheus' text format.
Task<Status> answerMetrics(net::ResponseWriter& response, std::string text);
Task<Status> answerJson(net::ResponseWriter& response, std::string json);
/// The failure's HTTP code and message.
Task<Status> answerFailure(net::ResponseWriter& response, const Status& why);

}  // namespace coxswain::kubelet::server
