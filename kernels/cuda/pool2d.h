// Pooling on a CUDA device: what kernels/pool2d.h says, for each element type and both layouts.
#pragma once

#include "kernels/cuda/precision.h"
#include "kernels/cuda/runtime.h"
#include "kernels/pool2d.h"

namespace lamina::kernels::cuda {

/// As kernels::max_pool2d_forward(), exactly.
void max_pool2d_forward(Stream& stream, Element element, const Pool2dProblem& problem,
                        const void* input, void* output);
/// As kernels::avg_pool2d_forward(); sums are float32, in the order rows, columns.
void avg_pool2d_forward(Stream& stream, Element element, const Pool2dProblem& problem,
                        const void* input, void* output);
/// As kernels::adaptive_avg_pool2d_forward(); sums are float32, in the order rows, columns.
void adaptive_avg_pool2d_forward(Stream& stream, Element element,
                                 const AdaptivePool2dProblem& problem, const void* input,
                                 void* output);

}  // namespace lamina::kernels::cuda
