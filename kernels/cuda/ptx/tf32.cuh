// tf32: float32 with 10 bits of mantissa. Tensor cores do not look at the other 13.
#pragma once

#include "kernels/cuda/language.cuh"

#ifdef LAMINA_CUDA_EMULATED
#include <bit>
#include <cmath>
#endif

namespace lamina::kernels::cuda {

/// The nearest tf32, ties away from zero; a NaN stays one.
__device__ __forceinline__ unsigned to_tf32(float value) {
#ifdef LAMINA_CUDA_EMULATED
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return 0x7fffffffu;
  return std::isinf(value) ? bits : (bits + 0x1000u) & ~0x1fffu;
#else
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;\n" : "=r"(bits) : "f"(value));
  return bits;
#endif
}

}  // namespace lamina::kernels::cuda
