#pragma once

#include "cli/framework/command.h"

namespace coxswain::cli {

// One function for each file of this folder; registry.cc lists them.

Command annotateCommand();
Command apiResourcesCommand();
Command apiVersionsCommand();
Command applyCommand();
Command attachCommand();
Command clusterInfoCommand();
Command configCommand();
Command cordonCommand();
Command cpCommand();
Command createCommand();
Command deleteCommand();
Command execCommand();
Command getCommand();
Command labelCommand();
Command logsCommand();
Command patchCommand();
Command portForwardCommand();
Command replaceCommand();
Command scaleCommand();
Command taintCommand();
Command uncordonCommand();
Command versionCommand();

}  // namespace coxswain::cli
