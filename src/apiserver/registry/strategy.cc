#include "apiserver/registry/strategy.h"

#include "api/names/names.h"

namespace coxswain::apiserver {

std::vector<std::string> subdomainNameRule(std::string_view name, bool prefix) {
  // A generated name gets a suffix, so a prefix may end in a dash.
  if (prefix && name.size() > 1 && name.ends_with('-')) {
    return api::validateDns1123Subdomain(std::string(name.substr(0, name.size() - 1)) + "a");
  }
  return api::validateDns1123Subdomain(name);
}

}  // namespace coxswain::apiserver
