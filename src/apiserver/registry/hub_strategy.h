#pragma once

#include <memory>

#include "apiserver/registry/strategy.h"

namespace coxswain::apiserver {

/// Strategy of a version that is another look at a stored kind: every rule is the stored kind's
/// (the hub), told in the hub's paths. Writes that both versions can express so mean the same, and
/// what Served keeps in other places (annotations) is put there before anybody compares.
template <typename Served, typename Hub>
class HubStrategy final : public Strategy {
 public:
  using ToHub = Hub (*)(const Served&);
  using FromHub = Served (*)(const Hub&);
  HubStrategy(std::unique_ptr<Strategy> hub, ToHub toHub, FromHub fromHub)
      : hub_(std::move(hub)), toHub_(toHub), fromHub_(fromHub) {}

  [[nodiscard]] const api::MessageInfo& info() const override { return Served::info(); }
  [[nodiscard]] const StrategyTraits& traits() const override { return hub_->traits(); }
  [[nodiscard]] std::vector<std::string> checkName(std::string_view name,
                                                   bool prefix) const override {
    return hub_->checkName(name, prefix);
  }
  void setDefaults(void* object) const override {
    auto hub = toHub(object);
    hub_->setDefaults(&hub);
    *static_cast<Served*>(object) = fromHub_(hub);
  }
  void prepareForCreate(void* object) const override {
    auto hub = toHub(object);
    hub_->prepareForCreate(&hub);
    *static_cast<Served*>(object) = fromHub_(hub);
  }
  void validate(const void* object, api::FieldErrors& errors) const override {
    const auto hub = toHub(object);
    hub_->validate(&hub, errors);
  }
  void prepareForUpdate(void* next, const void* current) const override {
    auto hub = toHub(next);
    const auto old = toHub(current);
    hub_->prepareForUpdate(&hub, &old);
    *static_cast<Served*>(next) = fromHub_(hub);
  }
  void validateUpdate(const void* next, const void* current,
                      api::FieldErrors& errors) const override {
    const auto hub = toHub(next);
    const auto old = toHub(current);
    hub_->validateUpdate(&hub, &old, errors);
  }
  void prepareForStatusUpdate(void* next, const void* current) const override {
    auto hub = toHub(next);
    const auto old = toHub(current);
    hub_->prepareForStatusUpdate(&hub, &old);
    *static_cast<Served*>(next) = fromHub_(hub);
  }
  void validateStatusUpdate(const void* next, const void* current,
                            api::FieldErrors& errors) const override {
    const auto hub = toHub(next);
    const auto old = toHub(current);
    hub_->validateStatusUpdate(&hub, &old, errors);
  }
  void warnings(const void* next, const void* current,
                std::vector<std::string>& out) const override {
    const auto hub = toHub(next);
    if (!current) return hub_->warnings(&hub, nullptr, out);
    const auto old = toHub(current);
    hub_->warnings(&hub, &old, out);
  }
  void selectableFields(const void* object, api::FieldSet& out) const override {
    const auto hub = toHub(object);
    hub_->selectableFields(&hub, out);
  }

 private:
  [[nodiscard]] Hub toHub(const void* object) const {
    return toHub_(*static_cast<const Served*>(object));
  }
  const std::unique_ptr<Strategy> hub_;
  const ToHub toHub_;
  const FromHub fromHub_;
};

}  // namespace coxswain::apiserver
