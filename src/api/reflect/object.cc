#include "api/reflect/object.h"

namespace coxswain::api {

Object ConstObject::clone() const {
  if (!data_) return {};
  Object copy(*info_);
  info_->assign(copy.data(), data_.get());
  return copy;
}

}  // namespace coxswain::api
