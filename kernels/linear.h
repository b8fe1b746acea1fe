// y = x W^T + b. A float32 weight is read where it lies (a mapped file, say), never packed; a
// narrow one is what pack_linear_weight() made of it.
#pragma once

#include "kernels/common.h"

namespace lamina::kernels {

/// How the weight is stored. Inputs, sums and outputs are float32 in each case.
enum class LinearWeight {
  f32,
  bf16,
  s8,  ///< whole numbers of [-127, 127], with a scale for each row
};

struct LinearProblem {
  std::int64_t n = 1, in_features = 0, out_features = 0;
  LinearWeight stored = LinearWeight::f32;
  bool relu = false;  ///< fused
};

struct LinearPlan {
  Isa isa = Isa::scalar;
  bool reference = false;  ///< double accumulator, plain loops
};

struct LinearArgs {
  const float* input;            // [n, in_features]
  const void* weight;            // [out_features, in_features] as stored; any alignment
  const float* bias;             // [out_features], or nullptr
  float* output;                 // [n, out_features]
  const float* scale = nullptr;  // [out_features], of s8
};

LinearPlan plan_linear(const LinearProblem& problem, const CpuFeatures& features);

/// Bytes of an element as it is stored.
constexpr std::int64_t size_of(LinearWeight stored) {
  return stored == LinearWeight::f32 ? 4 : stored == LinearWeight::bf16 ? 2 : 1;
}

/// Rows [row_begin, row_end) of weight [out_features, in_features] as problem.stored has them, to
/// the same rows of `packed`; for s8 also scale[row], a 127th of the row's largest magnitude.
/// Rounds to the nearest, ties to even. Requires: stored is not f32.
void pack_linear_weight(const LinearProblem& problem, const LinearPlan& plan, const float* weight,
                        std::int64_t row_begin, std::int64_t row_end, void* packed, float* scale,
                        Exec exec);

/// output[b, o] = bias[o] + sum over i of input[b, i] * weight[o, i], for s8 the sum times scale[o]
/// Numerics: |err| <= (in_features + 3) * 2^-24 * sum|a*b| with the weight as it is stored; a row's
///           bits do not depend on n or on threads.
/// Source:   PyTorch torch.nn.Linear semantics.
void linear_forward(const LinearProblem& problem, const LinearPlan& plan, const LinearArgs& args,
                    Exec exec);

}  // namespace lamina::kernels
