// Elements of device memory as the float32 that kernels compute in.
#pragma once

#include "kernels/cuda/language.cuh"
#include "kernels/cuda/precision.h"
#include "kernels/cuda/ptx/tf32.cuh"

#include <cstdint>

namespace lamina::kernels::cuda {

/// Element::tf32 in memory.
struct Tf32 {
  float value;
};

__device__ __forceinline__ float to_float(float value) { return value; }
__device__ __forceinline__ float to_float(Tf32 number) { return number.value; }
__device__ __forceinline__ float to_float(__half value) { return __half2float(value); }
__device__ __forceinline__ float to_float(__nv_bfloat16 value) { return __bfloat162float(value); }

/// Rounds to nearest, ties to even (tf32: away from zero).
template <typename T>
__device__ __forceinline__ T from_float(float value);
template <>
__device__ __forceinline__ float from_float<float>(float value) {
  return value;
}
template <>
__device__ __forceinline__ Tf32 from_float<Tf32>(float value) {
  return {__uint_as_float(to_tf32(value))};
}
template <>
__device__ __forceinline__ __half from_float<__half>(float value) {
  return __float2half_rn(value);
}
template <>
__device__ __forceinline__ __nv_bfloat16 from_float<__nv_bfloat16>(float value) {
  return __float2bfloat16_rn(value);
}

/// What a thread moves at once: the widest access there is.
inline constexpr int kVectorBytes = 16;

template <typename T>
struct alignas(kVectorBytes) Vector {
  static constexpr int kCount = kVectorBytes / static_cast<int>(sizeof(T));
  T elements[kCount];
};

template <typename T>
__device__ __forceinline__ float load_float(GlobalPtr<const T> from, std::int64_t i) {
  const T value = from[i];
  return to_float(value);
}

/// Calls f with a value of the type that `element` names: f(float()), f(__half()) ….
template <typename F>
void with_element(Element element, F&& f) {
  switch (element) {
    case Element::f32: f(float()); return;
    case Element::tf32: f(Tf32()); return;
    case Element::f16: f(__half()); return;
    case Element::bf16: f(__nv_bfloat16()); return;
  }
}

/// Whether a vector may be read or written there.
inline bool is_vector_aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % kVectorBytes == 0;
}

inline unsigned blocks_for(std::int64_t count, std::int64_t per_block) {
  return static_cast<unsigned>((count + per_block - 1) / per_block);
}

}  // namespace lamina::kernels::cuda
