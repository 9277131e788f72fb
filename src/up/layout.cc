#include "up/layout.h"

namespace coxswain::up {

Layout Layout::at(std::string data) {
  Layout layout;
  if (data == layout.data) return layout;
  layout.run = data + "/run";
  layout.data = std::move(data);
  return layout;
}

}  // namespace coxswain::up
