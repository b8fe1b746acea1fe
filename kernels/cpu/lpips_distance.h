// Vector kernel of LPIPS's distance between two maps of features.
#pragma once

#include "kernels/common.h"

#include <cstdint>

namespace lamina::kernels::cpu {

/// Pixels next to each other in two maps; a channel's are `stride` floats behind those of the one
/// before.
struct LpipsPixels {
  const float *a, *b;
  const float* weight;  // [c]
  std::int64_t c, stride;
  float eps;
};
using LpipsDistanceKernel = void(const LpipsPixels& pixels, std::int64_t count, float* output);
LpipsDistanceKernel* lpips_distance_kernel(Isa isa);

}  // namespace lamina::kernels::cpu
