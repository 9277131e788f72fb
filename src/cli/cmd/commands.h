#pragma once

#include "cli/framework/command.h"

namespace coxswain::cli {

// One function for each file of this folder; registry.cc lists them.

Command annotateCommand();
Command apiResourcesCommand();
Command apiVersionsCommand();
Command applyCommand();
Command clusterInfoCommand();
Command configCommand();
Command cordonCommand();
Command createCommand();
Command deleteCommand();
Command getCommand();
Command attachCommand();
Command cpCommand();
Command execCommand();
Command logsCommand();
Command portForwardCommand();
Command labelCommand();
Command patchCommand();
Command replaceCommand();
Command scaleCommand();
Command taintCommand();
Command uncordonCommand();
Command versionCommand();

}  // namespace coxswain::cli
