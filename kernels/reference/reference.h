// The definition of every operation: plain loops, sums in double, one thread. Nothing here is ever
// optimised: it judges the fast kernels in the tests, and is what runs where no fast one is legal.
// Shapes, semantics and sources are those of the contracts in kernels/*.h.
#pragma once

#include "kernels/classify.h"
#include "kernels/conv2d.h"
#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "kernels/lpips_distance.h"
#include "kernels/pool2d.h"

#include <cstdint>

namespace lamina::kernels::reference {

/// weight is [c_out, c_in / groups, kh, kw] as it stands, not packed.
void conv2d(const Conv2dProblem& problem, const float* input, const float* weight,
            const float* bias, float* output);

void linear(const LinearProblem& problem, const LinearArgs& args);

void max_pool2d(const Pool2dProblem& problem, const float* input, float* output);
void avg_pool2d(const Pool2dProblem& problem, const float* input, float* output);
void adaptive_avg_pool2d(const AdaptivePool2dProblem& problem, const float* input, float* output);

void relu(const float* input, float* output, std::int64_t count);
void batch_norm(const BatchNormProblem& problem, const BatchNormArgs& args);

/// Elements [begin, end) of the whole; their fate does not depend on how the whole is cut.
void dropout(const float* input, float* output, std::int64_t begin, std::int64_t end, float p,
             std::uint64_t seed);

void lpips_distance(const LpipsDistanceProblem& problem, const LpipsDistanceArgs& args);

void convert_layout(Layout from, Layout to, std::int64_t n, std::int64_t c, std::int64_t spatial,
                    const float* input, float* output);

void softmax(std::int64_t outer, std::int64_t c, std::int64_t inner, const float* input,
             float* output);
void topk(std::int64_t rows, std::int64_t c, std::int64_t k, const float* input, float* values,
          std::int64_t* indices);

// Gradients, as kernels/gradients.h has them; NCHW only.
void linear_gradient(const LinearProblem& problem, const float* dy, const float* weight, float* dx);
void max_pool2d_gradient(const Pool2dProblem& problem, const float* input, const float* dy,
                         float* dx);
void avg_pool2d_gradient(const Pool2dProblem& problem, const float* dy, float* dx);
void adaptive_avg_pool2d_gradient(const AdaptivePool2dProblem& problem, const float* dy, float* dx);
/// weight is [c_out, c_in / groups, kh, kw] as it stands.
void conv2d_gradient(const Conv2dProblem& problem, const float* dy, const float* weight, float* dx);

}  // namespace lamina::kernels::reference
