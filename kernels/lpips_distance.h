// How far two maps of features are apart, pixel by pixel, as LPIPS sees it.
#pragma once

#include "kernels/common.h"

#include <cstdint>

namespace lamina::kernels {

struct LpipsDistanceProblem {
  std::int64_t c = 0, spatial = 0;  ///< spatial = h*w
  float eps = 1e-10f;               ///< added to each norm, so that zeros stay zeros
};

struct LpipsDistanceArgs {
  const float* a;       // [c, spatial]
  const float* b;       // [c, spatial]
  const float* weight;  // [c], none negative
  float* output;        // [spatial]
};

/// output[i] = sum over c of weight[c] * (a[c, i] / (|a[:, i]| + eps) - b[c, i] / (|b[:, i]| +
/// eps))^2 where |x| is the root of the sum of squares over the channels. Types:    f32; contiguous
/// CHW; no alignment needed Numerics: each quotient within (c/2 + 4) * 2^-24 of itself, the sum
/// within (c + 3) * 2^-24; where
///           a and b are alike their difference keeps the quotients' absolute errors. A pixel's
///           bits depend on nothing but its own values, so maps that are equal give zeros.
/// Source:   lpips 0.1.4, normalize_tensor() and NetLinLayer
void lpips_distance_forward(const LpipsDistanceProblem& problem, const LpipsDistanceArgs& args,
                            Exec exec);

}  // namespace lamina::kernels
