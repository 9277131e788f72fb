#pragma once

#include <memory>
#include <string>

#include "world.h"

namespace coxswain::simulation {

/// Of every run: no pod changes its node, and no node is oversold.
class NodesAreNotOversold final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& type, const api::ConstObject& before,
             const api::ConstObject& after) override;
};

/// Of every run: nobody writes a pod as a cache has it, which may be less than the whole.
class PodsStayWhole final : public Invariant {
 public:
  void wrote(World& world, const client::ResourceType& type, const api::ConstObject& before,
             const api::ConstObject& after) override;
};

/// At most `most` pods with the labels, that are neither ending nor ended, at any time. Where a
/// component may be in doubt about what it wrote, `slack` more.
class PodsAtMost final : public Invariant {
 public:
  PodsAtMost(std::string app, size_t most, size_t slack = 2)
      : app_(std::move(app)), most_(most), slack_(slack) {}
  void wrote(World& world, const client::ResourceType& type, const api::ConstObject& before,
             const api::ConstObject& after) override;

 private:
  std::string app_;
  size_t most_;
  size_t slack_;
};

/// At least so many pods with label app=`app` are ready, whoever takes one away.
class PodsReadyAtLeast final : public Invariant {
 public:
  /// `atLeast` is read at each write: the scenario may change it; 0: anything goes.
  PodsReadyAtLeast(std::string app, std::shared_ptr<const size_t> atLeast)
      : app_(std::move(app)), atLeast_(std::move(atLeast)) {}
  void wrote(World& world, const client::ResourceType& type, const api::ConstObject& before,
             const api::ConstObject& after) override;

 private:
  std::string app_;
  std::shared_ptr<const size_t> atLeast_;
};

/// No two active pods share the value of a key (such as the index of a Job, the node of a daemon).
/// Only where nobody may be in doubt.
class ActivePodsAreDistinct final : public Invariant {
 public:
  using KeyOf = std::string (*)(const api::core::v1::Pod&);
  /// An empty key is nobody's.
  explicit ActivePodsAreDistinct(const char* what, KeyOf keyOf) : what_(what), keyOf_(keyOf) {}
  void wrote(World& world, const client::ResourceType& type, const api::ConstObject& before,
             const api::ConstObject& after) override;

 private:
  const char* what_;
  KeyOf keyOf_;
};

void addStandardInvariants(World& world);

/// What is left over in the end: dependents whose owners are gone, objects that should have gone.
/// Empty: nothing.
std::string leftovers(const client::testing::FakeClient& server);

}  // namespace coxswain::simulation
