#include "kubelet/config/options.h"

#include "api/gen/core_v1.h"

namespace coxswain::kubelet {

// Here, where Taint is whole.
KubeletOptions::KubeletOptions() = default;
KubeletOptions::KubeletOptions(const KubeletOptions&) = default;
KubeletOptions::KubeletOptions(KubeletOptions&&) noexcept = default;
KubeletOptions& KubeletOptions::operator=(const KubeletOptions&) = default;
KubeletOptions& KubeletOptions::operator=(KubeletOptions&&) noexcept = default;
KubeletOptions::~KubeletOptions() = default;

}  // namespace coxswain::kubelet
