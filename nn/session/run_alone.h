// One step outside any plan: how a layer's forward() runs the kernels that its plan's step runs.
#pragma once

#include <lamina/core/tensor.h>

#include "nn/session/op.h"

namespace lamina::nn::detail {

/// The step's output for a contiguous f32 input in NCHW order.
Tensor run_alone(Op& op, const Tensor& input, const PrepareContext& context);
/// The same on all the threads there are.
Tensor run_alone(Op& op, const Tensor& input);

}  // namespace lamina::nn::detail
