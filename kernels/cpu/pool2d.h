// Vector kernels of the pools: over channels where those are neighbours in memory (NHWC), and VGG's
// own 2x2 pool over columns (NCHW).
#pragma once

#include "kernels/common.h"

#include <cstdint>

namespace lamina::kernels::cpu {

/// The taps of one output pixel: rows x cols vectors of c channels.
struct PoolWindow {
  const float* first;
  std::int64_t rows, cols;
  std::int64_t row_step, col_step;  // floats from tap to tap
  std::int64_t c;
};

/// output[channel] = the largest; NaN where there is one; minus infinity of an empty window.
using MaxWindowKernel = void(const PoolWindow& window, float* output);
MaxWindowKernel* max_window_kernel(Isa isa);

/// output[channel] = sum / divisor; the sum is in float, row by row.
using AverageWindowKernel = void(const PoolWindow& window, float divisor, float* output);
AverageWindowKernel* average_window_kernel(Isa isa);

/// output[x] = the largest of the four at top[2x], top[2x + 1], bottom[2x], bottom[2x + 1].
using Max2x2Kernel = void(const float* top, const float* bottom, std::int64_t ow, float* output);
Max2x2Kernel* max_2x2_kernel(Isa isa);

}  // namespace lamina::kernels::cpu
