#include "apiserver/local/component_statuses.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "runtime/spawn.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::ComponentStatus;

class ComponentStatuses final : public ObjectSource {
 public:
  explicit ComponentStatuses(std::vector<ProbedComponent> components)
      : components_(std::move(components)) {
    std::sort(components_.begin(), components_.end(),
              [](const ProbedComponent& a, const ProbedComponent& b) { return a.name < b.name; });
  }

  Task<std::vector<api::ConstObject>> objects(std::stop_token stop) override {
    std::vector<api::ConstObject> out(components_.size());
    std::vector<Task<void>> asked;
    for (size_t i = 0; i < components_.size(); ++i) {
      asked.push_back(ask(components_[i], stop, out[i]));
    }
    co_await whenAll(std::move(asked));
    co_return out;
  }

 private:
  static Task<void> ask(const ProbedComponent& component, std::stop_token stop,
                        api::ConstObject& to) {
    auto answer = co_await component.probe(stop);
    ComponentStatus status;
    status.metadata.name = component.name;
    auto& condition = status.conditions.emplace_back();
    condition.type = "Healthy";
    condition.status = answer.ok() ? "True" : "False";
    condition.message = answer.ok() ? *answer : answer.status().message();
    to = api::ConstObject(api::Object(std::move(status)));
  }

  std::vector<ProbedComponent> components_;
};

}  // namespace

std::unique_ptr<ObjectSource> makeComponentStatuses(std::vector<ProbedComponent> components) {
  return std::make_unique<ComponentStatuses>(std::move(components));
}

}  // namespace coxswain::apiserver
