// Parts of one process on executors of their own, as `up` runs them.

#include <gtest/gtest.h>

#include <thread>

#include "api/gen/core_v1.h"
#include "apiserver/assembly/assembly.h"
#include "client/informers.h"
#include "client/resources.h"
#include "net/certs.h"
#include "runtime/reactor.h"
#include "runtime/spawn.h"
#include "storage/memory/memory_store.h"

namespace coxswain::apiserver {
namespace {

using api::core::v1::ConfigMap;
using client::resourceOf;

constexpr int kObjects = 200;

struct Part {
  size_t seen = 0;
  Status status;
};

ConfigMap named(const std::string& name) {
  ConfigMap map;
  map.metadata.name = name;
  map.metadata.namespace_ = "default";
  map.metadata.labels["test"] = "threads";
  return map;
}

/// Makes its share of objects, and watches until those of all parts have been seen changed.
Task<Status> work(client::Client& client, std::string prefix, size_t expected, Part* part) {
  Deadline deadline(240s, {});
  auto stop = deadline.token();
  client::WatchOptions options;
  options.labelSelector = "test=threads";
  CO_TRY(auto watch, co_await client.watch(resourceOf<ConfigMap>(), "default", options, stop));
  for (int i = 0; i < kObjects; ++i) {
    CO_TRY(auto made, co_await client::create(client, named(prefix + std::to_string(i)), stop));
    ConfigMap next = *made;
    next.data["k"] = prefix;
    CO_TRY(auto updated, co_await client::update(client, std::move(next), "", stop));
  }
  while (part->seen < expected) {
    CO_TRY(auto event, co_await watch->next(stop));
    // An object may be there already, changed or not, when the watch begins.
    const bool changed = event.object.as<ConfigMap>()->data.contains("k");
    if (event.type == client::WatchEventType::Modified ||
        (event.type == client::WatchEventType::Added && changed)) {
      ++part->seen;
    }
  }
  co_return Status();
}

/// Runs a task of the server's from outside.
template <typename T>
T onServer(Reactor& server, Task<T> task) {
  Reactor reactor;
  return blockOn(reactor, runOn(server, std::move(task)));
}

TEST(Threads, TwoPartsAndTheServer) {
  Reactor serverReactor;
  SystemRandom random;
  auto store = storage::makeMemoryStore({});
  AssemblyOptions options;
  options.tokens.issuer = "https://kubernetes.default.svc";
  options.tokens.signingKeyPem = *net::createKeyPem();
  auto made = Assembly::create(serverReactor, *store, random, std::move(options));
  ASSERT_TRUE(made.ok());
  auto& assembly = **made;
  std::thread server([&serverReactor] { serverReactor.run(); });

  auto started = onServer(serverReactor, assembly.start());
  EXPECT_TRUE(started.ok()) << started.toString();
  std::vector<Part> parts(2);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < parts.size(); ++i) {
    threads.emplace_back([&, i] {
      Reactor reactor;
      auto client = assembly.client("part", {"system:masters"});
      auto task =
          work(*client, "part" + std::to_string(i) + "-", kObjects * parts.size(), &parts[i]);
      parts[i].status = blockOn(reactor, std::move(task));
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& part : parts) {
    EXPECT_TRUE(part.status.ok()) << part.status.toString();
    EXPECT_EQ(part.seen, kObjects * parts.size());
  }
  onServer(serverReactor, assembly.stop());
  serverReactor.stop();
  server.join();
}

}  // namespace
}  // namespace coxswain::apiserver
