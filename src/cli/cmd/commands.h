#pragma once

#include "cli/framework/command.h"

namespace coxswain::cli {

// One function for each file of this folder; registry.cc lists them.

Command annotateCommand();
Command apiResourcesCommand();
Command apiVersionsCommand();
Command applyCommand();
Command attachCommand();
Command authCommand();
Command certificateCommand();
Command clusterInfoCommand();
Command configCommand();
Command cordonCommand();
Command cpCommand();
Command createCommand();
Command deleteCommand();
Command describeCommand();
Command diffCommand();
Command drainCommand();
Command editCommand();
Command eventsCommand();
Command execCommand();
Command explainCommand();
Command exposeCommand();
Command getCommand();
Command labelCommand();
Command logsCommand();
Command patchCommand();
Command portForwardCommand();
Command replaceCommand();
Command rolloutCommand();
Command runCommand();
Command scaleCommand();
Command autoscaleCommand();
Command setCommand();
Command taintCommand();
Command topCommand();
Command uncordonCommand();
Command versionCommand();
Command waitCommand();

}  // namespace coxswain::cli
