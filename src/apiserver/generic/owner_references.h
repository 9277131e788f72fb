#pragma once

#include <string>
#include <vector>

namespace coxswain::api::meta::v1 {
struct ObjectMeta;
}  // namespace coxswain::api::meta::v1

namespace coxswain::apiserver {

/// When a write's owners are looked at: bodies of create and update before the plugins that change
/// them, every write behind those.
enum class OwnersSeen : bool { BeforeAdmission, AfterAdmission };

/// Takes away owners that are there twice, word for word, and adds a warning that names their uids.
void dropRepeatedOwners(api::meta::v1::ObjectMeta& meta, OwnersSeen when,
                        std::vector<std::string>& warnings);

}  // namespace coxswain::apiserver
