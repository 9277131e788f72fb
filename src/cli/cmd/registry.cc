#include "cli/cmd/registry.h"

#include "cli/cmd/commands.h"

namespace coxswain::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = [] {
    std::vector<Command> all;
    // Basic Commands (Beginner)
    all.push_back(createCommand());
    all.push_back(exposeCommand());
    all.push_back(runCommand());
    all.push_back(setCommand());
    // Basic Commands (Intermediate)
    all.push_back(explainCommand());
    all.push_back(getCommand());
    all.push_back(editCommand());
    all.push_back(deleteCommand());
    // Deploy Commands
    all.push_back(rolloutCommand());
    all.push_back(scaleCommand());
    all.push_back(autoscaleCommand());
    // Cluster Management Commands
    all.push_back(certificateCommand());
    all.push_back(clusterInfoCommand());
    all.push_back(topCommand());
    all.push_back(cordonCommand());
    all.push_back(uncordonCommand());
    all.push_back(drainCommand());
    all.push_back(taintCommand());
    all.push_back(authCommand());
    // Troubleshooting and Debugging Commands
    all.push_back(describeCommand());
    all.push_back(logsCommand());
    all.push_back(attachCommand());
    all.push_back(execCommand());
    all.push_back(portForwardCommand());
    all.push_back(cpCommand());
    all.push_back(eventsCommand());
    // Advanced Commands
    all.push_back(diffCommand());
    all.push_back(applyCommand());
    all.push_back(patchCommand());
    all.push_back(replaceCommand());
    all.push_back(waitCommand());
    // Settings Commands
    all.push_back(labelCommand());
    all.push_back(annotateCommand());
    // Other Commands
    all.push_back(apiResourcesCommand());
    all.push_back(apiVersionsCommand());
    all.push_back(configCommand());
    all.push_back(versionCommand());
    return all;
  }();
  return kCommands;
}

}  // namespace coxswain::cli
