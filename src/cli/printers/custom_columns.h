#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/printers/object_printer.h"

namespace coxswain::cli {

/// "NAME:.metadata.name,NODE:.spec.nodeName", or a file's two lines of headers and paths. Headers
/// are printed before the first object, unless `headers` is false.
Result<std::unique_ptr<ObjectPrinter>> makeCustomColumnsPrinter(const std::string& spec,
                                                                bool fromFile, bool headers = true);

}  // namespace coxswain::cli
