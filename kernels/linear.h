// y = x W^T + b. The weight is read where it lies (a mapped file, say), never packed.
#pragma once

#include "kernels/common.h"

namespace lamina::kernels {

struct LinearProblem {
  std::int64_t n = 1, in_features = 0, out_features = 0;
  bool relu = false;  ///< fused
};

struct LinearPlan {
  Isa isa = Isa::scalar;
  bool reference = false;  ///< double accumulator, plain loops
};

struct LinearArgs {
  const float* input;   // [n, in_features]
  const float* weight;  // [out_features, in_features]; any alignment
  const float* bias;    // [out_features], or nullptr
  float* output;        // [n, out_features]
};

LinearPlan plan_linear(const LinearProblem& problem, const CpuFeatures& features);

/// output[b, o] = bias[o] + sum over i of input[b, i] * weight[o, i]
/// Numerics: |err| <= (in_features + 2) * 2^-24 * sum|a*b|; a row's bits do not depend on n or on
///           threads.
/// Source:   PyTorch torch.nn.Linear semantics.
void linear_forward(const LinearProblem& problem, const LinearPlan& plan, const LinearArgs& args,
                    Exec exec);

}  // namespace lamina::kernels
