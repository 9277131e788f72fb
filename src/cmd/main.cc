#include <cstdio>
#include <string_view>

#include "cli/run.h"
#include "cmd/commands.h"
#include "cmd/part.h"

namespace {

using coxswain::cmd::Part;

const Part* findPart(std::string_view name) {
  for (const auto& part : coxswain::cmd::parts()) {
    if (part.name == name) return &part;
  }
  return nullptr;
}

void printHelp(FILE* out) {
  std::fprintf(out,
               "coxswain: every part of a Kubernetes cluster in one program\n\n"
               "usage: coxswain PART [flags]\n\nparts:\n");
  for (const auto& part : coxswain::cmd::parts()) {
    std::fprintf(out, "  %-26.*s %.*s\n", static_cast<int>(part.name.size()), part.name.data(),
                 static_cast<int>(part.summary.size()), part.summary.data());
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view called = argc > 0 ? argv[0] : "";
  called = called.substr(called.rfind('/') + 1);
  if (const auto* part = findPart(called)) return part->run(argc - 1, argv + 1);
  if (argc < 2) {
    printHelp(stderr);
    return 2;
  }
  std::string_view name = argv[1];
  if (name == "help" || name == "--help" || name == "-h") {
    printHelp(stdout);
    return 0;
  }
  if (const auto* part = findPart(name)) return part->run(argc - 2, argv + 2);
  if (coxswain::cli::isCommand(name)) return coxswain::cmd::kubectl(argc - 1, argv + 1);
  std::fprintf(stderr, "coxswain: no part is called \"%s\" in this build\n", argv[1]);
  return 2;
}
