// Conversions to and from e4m3: the device's instruction where it has one (sm_89 on).
#pragma once

#include "kernels/cuda/e4m3.h"
#include "kernels/cuda/language.cuh"

#ifndef LAMINA_CUDA_EMULATED
#include <cuda_fp8.h>
#endif

namespace lamina::kernels::cuda {

/// As to_e4m3() and from_e4m3().
__device__ __forceinline__ E4m3 round_to_e4m3(float value) {
#ifdef LAMINA_CUDA_EMULATED
  return to_e4m3(value);
#else
  return {__nv_cvt_float_to_fp8(value, __NV_SATFINITE, __NV_E4M3)};
#endif
}

__device__ __forceinline__ float float_of_e4m3(E4m3 number) {
#ifdef LAMINA_CUDA_EMULATED
  return from_e4m3(number);
#else
  return __half2float(__half(__nv_cvt_fp8_to_halfraw(number.bits, __NV_E4M3)));
#endif
}

}  // namespace lamina::kernels::cuda
