#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/assembly/assembly.h"
#include "client/resources.h"
#include "net/certs.h"
#include "runtime/sim/run_task.h"
#include "storage/memory/memory_store.h"

namespace coxswain::apiserver {

/// A whole API server under virtual time, on a store in memory that outlives restarts. The tests'
/// requests take every step but the socket.
///
///     class Quotas : public AssemblyTestBase { void SetUp() override { begin(); } ... };
class AssemblyTestBase : public ::testing::Test {
 protected:
  void TearDown() override { end(); }

  /// Starts a server on what is stored.
  void begin(AssemblyOptions options = {}) {
    options.advertiseAddress = "192.0.2.10";
    options.tokens.issuer = "https://kubernetes.default.svc";
    options.tokens.signingKeyPem = key_;
    auto made = Assembly::create(executor_, *store_, random_, std::move(options));
    ASSERT_TRUE(made.ok()) << made.status().toString();
    assembly_ = std::move(*made);
    wire(*assembly_);
    Status started = run(assembly_->start());
    ASSERT_TRUE(started.ok()) << started.toString();
    admin_ = &as("admin", {"system:masters"});
  }
  /// What else is served; before it starts.
  virtual void wire(Assembly& assembly) {}
  /// Ends it, and its clients with it.
  void end() {
    if (!assembly_) return;
    run(assembly_->stop());
    executor_.runUntilIdle();
    admin_ = nullptr;
    clients_.clear();
    assembly_.reset();
  }

  template <typename T>
  T run(Task<T> task) {
    return sim::runTask(executor_, std::move(task));
  }
  /// Runs them together: how many of them were answered well.
  template <typename T>
  int countGood(std::vector<Task<Result<T>>> tasks) {
    int good = 0;
    std::vector<Task<void>> counted;
    for (auto& task : tasks) counted.push_back(count(std::move(task), good));
    run(whenAll(std::move(counted)));
    return good;
  }

  /// That user's client, until end().
  client::Client& as(const std::string& user, std::vector<std::string> groups = {}) {
    auto& client = clients_[user];
    if (!client) client = assembly_->client(user, std::move(groups));
    return *client;
  }
  template <typename T>
  Result<std::shared_ptr<const T>> create(T object) {
    return run(client::create(*admin_, std::move(object)));
  }
  template <typename T>
  Result<std::shared_ptr<const T>> get(std::string ns, std::string name) {
    return run(client::get<T>(*admin_, std::move(ns), std::move(name)));
  }

  sim::SimExecutor executor_{1};
  SeededRandom random_{1};
  const std::string key_ = *net::createKeyPem();
  std::unique_ptr<storage::Store> store_ = storage::makeMemoryStore({});
  std::unique_ptr<Assembly> assembly_;
  client::Client* admin_ = nullptr;  ///< may do everything

 private:
  template <typename T>
  static Task<void> count(Task<Result<T>> task, int& good) {
    auto result = co_await std::move(task);
    if (result.ok()) ++good;
  }
  std::map<std::string, std::unique_ptr<client::Client>> clients_;
};

}  // namespace coxswain::apiserver
