#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "scheduler/config/gen/kubescheduler_v1.h"
#include "scheduler/plugins/registry.h"

namespace coxswain::scheduler::config {

/// Which plugins act where, from a profile's `plugins` on top of the default ones. First the sets
/// are merged: a plugin that is enabled replaces the default one in its place, or comes after all;
/// one that is disabled (or "*", all) goes. Then multiPoint is spread over the points: what a point
/// names itself wins there (its weight, its place before the others), what it disables stays away.
/// BadRequest in upstream's words: unknown plugins, a point that a plugin does not have, doubles,
/// no or several that sort the queue, none that binds. Upstream: apis/config/v1/default_plugins.go,
/// framework/runtime/framework.go.
Result<Wiring> wiringOf(const v1::Plugins* custom, const std::string& schedulerName,
                        const std::vector<Registration>& registrations);

}  // namespace coxswain::scheduler::config
