#include "controllers/framework/selection.h"

#include <algorithm>

namespace coxswain::controllers {

namespace {

bool isNamed(const ControllerName& controller, std::string_view word) {
  return word == controller.name || word == controller.alias;
}

}  // namespace

bool isSelected(const ControllerName& controller, const std::vector<std::string>& words) {
  bool all = false;
  for (std::string_view word : words) {
    if (word == "*") all = controller.byDefault;
    const bool off = word.starts_with('-');
    if (off) word.remove_prefix(1);
    if (isNamed(controller, word)) return !off;
  }
  return all;
}

Status checkSelection(const std::vector<ControllerName>& known,
                      const std::vector<std::string>& words) {
  for (std::string_view word : words) {
    if (word == "*") continue;
    if (word.starts_with('-')) word.remove_prefix(1);
    if (std::none_of(known.begin(), known.end(),
                     [word](const ControllerName& each) { return isNamed(each, word); })) {
      return badRequest("\"" + std::string(word) + "\" is not in the list of known controllers");
    }
  }
  return {};
}

}  // namespace coxswain::controllers
