#include "api/gen/core_v1.h"
#include "client/client.h"
#include "scheduler/plugins/plugins.h"

namespace coxswain::scheduler::plugins {

namespace {

constexpr client::ResourceType kPods{"", "v1", "pods", true, &api::core::v1::Pod::kInfo};

/// Posts pods/NAME/binding. The UID makes sure that it is this pod, not a later one of its name.
class DefaultBinder final : public Plugin, public BindPlugin {
 public:
  explicit DefaultBinder(client::Client& client) : client_(client) {}
  [[nodiscard]] std::string_view name() const override { return "DefaultBinder"; }
  Task<Status> bind(PodInfoPtr pod, std::string node, std::stop_token stop) override {
    api::core::v1::Binding binding;
    const auto& meta = pod->pod->metadata;
    binding.metadata.namespace_ = meta.namespace_;
    binding.metadata.name = meta.name;
    binding.metadata.uid = meta.uid;
    binding.target.kind = "Node";
    binding.target.name = std::move(node);
    api::ConstObject object{api::Object(std::move(binding))};
    auto answer = co_await client_.create(kPods, meta.namespace_, meta.name, "binding",
                                          std::move(object), std::move(stop));
    co_return answer.status();
  }

 private:
  client::Client& client_;
};

}  // namespace

std::unique_ptr<Plugin> defaultBinder(client::Client& client) {
  return std::make_unique<DefaultBinder>(client);
}

}  // namespace coxswain::scheduler::plugins
