#include "apiserver/server/operations.h"

namespace coxswain::apiserver {

Task<Result<Operations::Written>> Operations::apply(RequestContext&, std::string, FieldValidation,
                                                    bool) const {
  co_return unsupportedMediaType(
      "server-side apply (application/apply-patch+yaml) is not supported by this server: use a "
      "strategic merge patch (kubectl apply --server-side=false)");
}

}  // namespace coxswain::apiserver
