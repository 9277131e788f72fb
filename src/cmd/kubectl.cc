#include <vector>

#include "cli/run.h"
#include "cmd/commands.h"

namespace coxswain::cmd {

int kubectl(int argc, char** argv) {
  std::vector<const char*> args(argv, argv + argc);
  return cli::run(args);
}

}  // namespace coxswain::cmd
