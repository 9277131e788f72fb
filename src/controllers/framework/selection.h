#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace coxswain::controllers {

/// What --controllers may name: by its name, or the shorter one of earlier releases.
struct ControllerName {
  std::string_view name;
  std::string_view alias;
  bool byDefault = true;  ///< "*" means it, too
};

/// By the words of --controllers: "*" all that run by default, "name" this one, "-name" not this
/// one. The first word that names it decides.
bool isSelected(const ControllerName& controller, const std::vector<std::string>& words);

/// BadRequest, in upstream's words, for a name that none of `known` has.
Status checkSelection(const std::vector<ControllerName>& known,
                      const std::vector<std::string>& words);

}  // namespace coxswain::controllers
