// Elements of device memory as the float32 that kernels compute in.
#pragma once

#include <lamina/core/error.h>

#include "kernels/cuda/language.cuh"
#include "kernels/cuda/precision.h"
#include "kernels/cuda/ptx/e4m3.cuh"
#include "kernels/cuda/ptx/tf32.cuh"

#include <cstdint>

namespace lamina::kernels::cuda {

/// Element::tf32 in memory.
struct Tf32 {
  float value;
};

__device__ __forceinline__ float to_float(float value) { return value; }
__device__ __forceinline__ float to_float(Tf32 number) { return number.value; }
__device__ __forceinline__ float to_float(E4m3 number) { return float_of_e4m3(number); }
__device__ __forceinline__ float to_float(__half value) { return __half2float(value); }
__device__ __forceinline__ float to_float(__nv_bfloat16 value) { return __bfloat162float(value); }

/// Rounds to nearest, ties to even (tf32: away from zero). e4m3 has no infinities: 448 stands
/// there.
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
__device__ __forceinline__ E4m3 from_float<E4m3>(float value) {
  return round_to_e4m3(value);
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

/// Calls f with a value of the type that `element` names: f(float()), f(__half()) …. Kernels that
/// know nothing of scales take no e4m3.
template <typename F>
void with_element(Element element, F&& f) {
  switch (element) {
    case Element::f32: f(float()); return;
    case Element::tf32: f(Tf32()); return;
    case Element::f16: f(__half()); return;
    case Element::bf16: f(__nv_bfloat16()); return;
    case Element::e4m3: throw Unsupported("[cuda] a kernel that has no e4m3 was given some");
  }
}

/// e4m3 as well.
template <typename F>
void with_any_element(Element element, F&& f) {
  element == Element::e4m3 ? f(E4m3()) : with_element(element, f);
}

/// Whether a vector may be read or written there.
inline bool is_vector_aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % kVectorBytes == 0;
}

inline unsigned blocks_for(std::int64_t count, std::int64_t per_block) {
  return static_cast<unsigned>((count + per_block - 1) / per_block);
}

}  // namespace lamina::kernels::cuda
