// What every kernel contract shares. Kernels take raw pointers and plain structs: they know no
// tensor, no module and no file. Dimension letters are those of docs/notation.md.
#pragma once

#include "core/cpu_features.h"

#include <cstdint>

namespace lamina::kernels {

/// How a rank-4 activation lies in memory.
enum class Layout { nchw, nhwc };

/// With what a kernel runs. Results never depend on it.
struct Exec {
  int threads = 1;
};

}  // namespace lamina::kernels
