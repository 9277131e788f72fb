#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "cmd/commands.h"
#include "cmd/up/runtime_access.h"
#include "runtime/reactor.h"

namespace coxswain::cmd {
namespace {

namespace fs = std::filesystem;

Task<Status> load(Reactor& reactor, up::ContainerdSettings settings,
                  std::vector<std::string> files) {
  std::error_code error;
  if (!fs::exists(settings.socket, error)) {
    co_return serviceUnavailable("no container runtime at " + settings.socket +
                                 ": start the cluster first (coxswain up)");
  }
  up::Containerd containerd(reactor, std::move(settings));
  for (const auto& file : files) {
    if (!fs::exists(file, error)) co_return errnoStatus("open " + file, ENOENT);
    CO_TRY(auto printed, co_await containerd.importImage(file, std::stop_token()));
    std::fputs(printed.c_str(), stdout);
  }
  co_return Status();
}

}  // namespace

int images(int argc, char** argv) {
  std::string dataDir = "/var/lib/coxswain";
  std::vector<std::string> files;
  CLI::App app("Container images of this machine's cluster", "images");
  app.require_subcommand(1);
  auto* loading = app.add_subcommand("load", "import image archives (OCI layout or docker save)");
  loading->add_option("--data-dir", dataDir, "the cluster's folder")->capture_default_str();
  loading->add_option("FILE", files, "archives")->required();
  std::vector<std::string> flags(argv, argv + argc);
  try {
    app.parse(std::vector<std::string>(flags.rbegin(), flags.rend()));
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  auto layout = up::Layout::at(fs::absolute(dataDir).lexically_normal().string());
  Reactor reactor;
  Status status = blockOn(reactor, load(reactor, runtimeOf(layout).settings, files));
  if (status.ok()) return 0;
  std::fprintf(stderr, "coxswain images load: %s\n", status.message().c_str());
  return 1;
}

}  // namespace coxswain::cmd
