// What lamina-lpips is asked to do.
#pragma once

#include "tools/support/command.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lamina::tools {

struct LpipsToolOptions {
  std::vector<std::string> inputs;  ///< A and B
  bool recursive = false;
  std::string weights = "IMAGENET1K_V1";
  std::string format = "text", output;
  std::string device = "auto", precision = "fp32";
  std::int64_t threads = 0, batch = 8, workers = 0;  ///< 0: as many as make sense
};

/// The table of options, bound to `options`, which must outlive it.
Command lpips_command(LpipsToolOptions& options);

/// Throws UsageError for anything but two inputs, and for weights that LPIPS is not defined on.
void check_options(const LpipsToolOptions& options);

}  // namespace lamina::tools
