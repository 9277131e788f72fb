#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "apiserver/admission/options.h"
#include "base/status.h"

namespace coxswain::apiserver {

/// Reads an AdmissionConfiguration (apiserver.config.k8s.io/v1, YAML or JSON) into `options`:
/// the configuration of PodSecurity, ResourceQuota, EventRateLimit, PodNodeSelector and
/// PodTolerationRestriction, inline or in files of their own, which `read` reads by the path that
/// stands there. BadRequest for what cannot be read, fields that are not known, plugins that take
/// no configuration.
Status parseAdmissionConfig(std::string_view text,
                            const std::function<Result<std::string>(const std::string& path)>& read,
                            AdmissionOptions& options);

}  // namespace coxswain::apiserver
