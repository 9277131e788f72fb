#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "cli/run.h"
#include "client/http/testing/fake_api.h"
#include "net/http_server.h"
#include "runtime/reactor.h"

namespace coxswain::cli::testing {

using client::testing::Answer;
using client::testing::FakeApi;

/// What a command printed.
struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

/// Runs commands against an HTTP API of prepared answers (`api`), which serves discovery of the
/// usual kinds (pods, services, configmaps, secrets, namespaces, nodes, events, serviceaccounts,
/// deployments, replicasets, widgets.example.com). Between runs only may `api` be touched.
class CliTest : public ::testing::Test {
 protected:
  CliTest();
  ~CliTest() override;

  Ran run(std::vector<std::string> args, const std::string& input = "");
  /// The requests since the last call, without discovery.
  std::vector<std::string> asked();
  /// The body of the last request with that method.
  std::string lastBody(std::string_view method) const;
  /// A file that is gone after the test.
  std::string file(const std::string& name, const std::string& text);

  FakeApi api;

 private:
  Reactor reactor_;
  std::unique_ptr<net::HttpServer> server_;
  std::thread thread_;
  std::string folder_;
  size_t told_ = 0;
};

}  // namespace coxswain::cli::testing
