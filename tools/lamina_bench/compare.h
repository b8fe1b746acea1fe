// What changed between two files of rows, and whether that is more than noise.
#pragma once

#include "tools/support/exit_status.h"

#include <string>

namespace lamina::tools {

/// Prints a table of the rows that both files have (same engine, device, precision, threads, batch,
/// mode, model and layer): medians, their ratio, and a verdict. A change is one where the medians
/// differ by more than three times the larger of the two spreads, and by more than one percent.
/// Errors: IoError and Failure (status 3) where a file cannot be read as rows.
ExitStatus compare_rows(const std::string& before, const std::string& after);

}  // namespace lamina::tools
