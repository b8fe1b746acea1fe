// The whole job of lamina-lpips: pairs in, a row for each out.
#pragma once

#include "tools/lamina_lpips/options.h"
#include "tools/support/run_main.h"

namespace lamina::tools {

/// some_failed where a pair could not be compared.
ExitStatus measure(const LpipsToolOptions& options, const Context& context);

}  // namespace lamina::tools
