#pragma once

#include <string>
#include <string_view>

#include "api/gen/core_v1.h"
#include "apiserver/kubelet_proxy/handlers.h"
#include "apiserver/server/request_info.h"

namespace coxswain::apiserver {

/// GET pods/log: the kubelet's lines as they come.
class LogHandler final : public SubresourceHandler {
 public:
  explicit LogHandler(const KubeletHandlerSources& sources) : sources_(sources) {}
  Task<Status> serve(Exchange& exchange) override;

 private:
  KubeletHandlerSources sources_;
};

/// BadRequest for what is no number or time; Invalid `PodLogOptions "p" is invalid: ...`.
Result<api::core::v1::PodLogOptions> parseLogOptions(const Query& query, std::string_view pod);
/// "?follow=true&tailLines=5" as kubelets read it; empty: nothing to say.
std::string logQuery(const api::core::v1::PodLogOptions& options);

}  // namespace coxswain::apiserver
