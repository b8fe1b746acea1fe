// Float32 to narrower types, for weights that are stored so.
#pragma once

#include "core/cpu_features.h"

#include <cstdint>

namespace lamina::kernels::cpu {

struct NarrowKernels {
  /// The upper halves, rounded to the nearest, ties to even; a NaN stays one.
  void (*to_bf16)(const float* from, std::int64_t count, std::uint16_t* to);
  /// Multiples of the returned scale, a 127th of the largest magnitude, to the nearest; all 0 and a
  /// scale of 0 where everything is 0.
  float (*to_s8)(const float* from, std::int64_t count, std::int8_t* to);
};
const NarrowKernels& narrow_kernels(Isa isa);

}  // namespace lamina::kernels::cpu
