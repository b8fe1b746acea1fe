// Measuring in turn with other programs, which another program leads.
#pragma once

#include "tools/lamina_bench/options.h"
#include "tools/support/run_main.h"

namespace lamina::tools {

/// Loads the model, runs the images of options.input once and writes the logits to options.output;
/// prints the version, what loading
/// and the first run took, and the ceilings. Then, for each line on stdin, a number of seconds:
/// runs so long, at least once, and prints {"ms": [...], "peak_rss_mib": ...}. Ends with stdin.
/// Errors: as Subject and load_npy() have them; UsageError where a line is no number.
ExitStatus take_turns(const BenchOptions& options, const Context& context);

}  // namespace lamina::tools
