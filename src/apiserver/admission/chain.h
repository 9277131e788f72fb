#pragma once

#include <memory>
#include <vector>

#include "apiserver/admission/options.h"
#include "apiserver/admission/plugin.h"

namespace coxswain::apiserver {

/// The plugins, in upstream's order: all admit, then (after validation) all validate. The first
/// refusal is the answer.
class AdmissionChain final : public Admission {
 public:
  explicit AdmissionChain(std::vector<std::unique_ptr<AdmissionPlugin>> plugins)
      : plugins_(std::move(plugins)) {}
  /// Before the others, and so before what counts the write.
  void addFirst(std::unique_ptr<AdmissionPlugin> plugin) {
    plugins_.insert(plugins_.begin(), std::move(plugin));
  }
  Task<Status> admit(RequestContext& request, WriteKind kind, api::Object* object,
                     const api::Object* old) override;
  Task<Status> validate(RequestContext& request, WriteKind kind, const api::Object* object,
                        const api::Object* old) override;

  [[nodiscard]] std::vector<std::string_view> names() const;
  [[nodiscard]] const std::vector<std::unique_ptr<AdmissionPlugin>>& plugins() const {
    return plugins_;
  }

 private:
  std::vector<std::unique_ptr<AdmissionPlugin>> plugins_;
};

/// All that are on by default (upstream's as far as they exist here, and NodeRestriction), with
/// those that the options name and without those that they name. BadRequest for names that mean
/// nothing, are named both ways, or are asked for and do not exist here. A new plugin is its file
/// and one line there.
Result<std::unique_ptr<AdmissionChain>> makeAdmissionChain(const AdmissionSources& sources,
                                                           const AdmissionOptions& options);

}  // namespace coxswain::apiserver
