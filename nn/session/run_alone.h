// One step outside any plan: how a layer's forward() runs the kernels that its plan's step runs.
#pragma once

#include <lamina/core/tensor.h>

#include "nn/session/op.h"

namespace lamina::nn::detail {

/// The step's output for a contiguous f32 input in NCHW order; threads 0: all that there are.
Tensor run_alone(Op& op, const Tensor& input, int threads = 0);

}  // namespace lamina::nn::detail
