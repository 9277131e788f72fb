#pragma once

#include <string_view>
#include <vector>

#include "apiserver/openapi/operations.h"

namespace coxswain::apiserver::openapi {

Parameter prettyParameter();
Parameter namespaceParameter();
/// {name} of a `kind`.
Parameter nameParameter(std::string_view kind);
/// {path} of a proxy.
Parameter pathParameter();
std::vector<Parameter> listParameters();
std::vector<Parameter> deleteParameters();
std::vector<Parameter> deleteCollectionParameters();
std::vector<Parameter> writeParameters();
std::vector<Parameter> patchParameters();
/// The fields of an options kind of core/v1, "PodLogOptions".
std::vector<Parameter> optionsParameters(std::string_view kind);

}  // namespace coxswain::apiserver::openapi
