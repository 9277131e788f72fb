#pragma once

#include "api/names/field_error.h"
#include "base/result.h"
#include "scheduler/config/gen/kubescheduler_v1.h"
#include "scheduler/plugins/args.h"

namespace coxswain::scheduler::config {

/// Reads one entry of pluginConfig, strictly, into what it says over the defaults. What is wrong
/// with its values goes into `errors`, under `path` (".args" of the entry). BadRequest where it
/// cannot be read. Plugins that take no arguments take any, as upstream.
Status readPluginArgs(const v1::PluginConfig& from, const api::FieldPath& path, PluginArgs& to,
                      api::FieldErrors& errors);

}  // namespace coxswain::scheduler::config
