// Gradients of a layer's output with respect to its input, for pictures of what a class looks at.
// There are none with respect to weights: nothing here trains.
//
// Each function takes dy, the gradient of some number with respect to the layer's output, and
// writes dx, that with respect to its input. Layout is NCHW; dx must not be dy unless it says so.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "kernels/pool2d.h"

#include <cstdint>

namespace lamina::kernels {

/// dx[b, i] = sum over o of dy[b, o] * weight[o, i]
/// Types:    f32 weight [out_features, in_features] as it lies, any alignment; problem.relu and
///           problem.stored are not looked at
/// Numerics: |err| <= (out_features + 2) * 2^-24 * sum|a*b|; the order of summation is fixed. A row
///           whose dy is 0 is not read, so that an infinite weight gives nothing there.
void linear_gradient(const LinearProblem& problem, const float* dy, const float* weight, float* dx,
                     Exec exec);

/// dx = input > 0 ? dy : 0; where the input is NaN, dy. dx may be dy.
/// Source: PyTorch's threshold_backward.
void relu_gradient(const float* input, const float* dy, float* dx, std::int64_t count, Exec exec);

/// dx = dy * weight / sqrt(running_var + eps), per channel; args.input and args.output are not
/// looked at. dx may be dy.
void batch_norm_gradient(const BatchNormProblem& problem, const BatchNormArgs& args,
                         const float* dy, float* dx, Exec exec);

/// Each dy goes to the largest input of its window: of equal ones to the first in rows from the
/// top, as in PyTorch; of NaN to the last.
void max_pool2d_gradient(const Pool2dProblem& problem, const float* input, const float* dy,
                         float* dx, Exec exec);

/// Each dy is shared out evenly over its window, divided as the average was.
void avg_pool2d_gradient(const Pool2dProblem& problem, const float* dy, float* dx, Exec exec);
void adaptive_avg_pool2d_gradient(const AdaptivePool2dProblem& problem, const float* dy, float* dx,
                                  Exec exec);

/// dx[b, c, i, j] = sum over k, r, s of dy[b, k, y, x] * weight[k, c, r, s] where
///     i = y*stride - pad + r*dilation, j = x*stride - pad + s*dilation.
/// With stride 1 and one group this is a convolution of dy with the kernel turned by half a turn,
/// and runs as one (packing the weight anew each time); else by the definition's loops, slowly.
/// Requires: problem.relu and max_pool_2x2 are off, the layout is NCHW
/// Numerics: |err| <= (c_out*kh*kw + 2) * 2^-24 * sum|a*b|
void conv2d_gradient(const Conv2dProblem& problem, const float* dy, const float* weight, float* dx,
                     Exec exec);

}  // namespace lamina::kernels
