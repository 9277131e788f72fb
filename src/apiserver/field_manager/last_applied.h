#pragma once

#include <boost/json/fwd.hpp>
#include <string_view>

#include "api/gen/meta_v1.h"
#include "apiserver/field_manager/field_tree.h"
#include "apiserver/field_manager/typed.h"

namespace coxswain::apiserver {

// From client-side to server-side apply: what `kubectl apply` wrote down in its annotation belongs
// to the manager "kubectl" as well, so that its first server-side apply meets no conflicts with
// itself. Any thread.
//
// Upstream: apimachinery/pkg/util/managedfields/internal/lastappliedmanager.go.

inline constexpr std::string_view kKubectl = "kubectl";

/// Fields of the annotation that the object (JSON) still has as they were applied. Empty where
/// there is no annotation, or one that is not of this version.
FieldTree fieldsOfLastApplied(const FieldSchema& schema, std::string_view apiVersion,
                              const boost::json::value& live);

/// The annotation, where there is one, tells of `config` from now on. It goes where there is no
/// room for it.
void renewLastApplied(const boost::json::value& config, api::meta::v1::ObjectMeta& metadata);

}  // namespace coxswain::apiserver
