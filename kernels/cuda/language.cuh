// The first include of every .cu and .cuh: the CUDA language and its half types, from nvcc or from
// the emulator, and the two pointers through which kernels touch memory.
//
//   GlobalPtr<T>       device memory: a kernel's pointer parameters. Converts from T*.
//   SharedArray<T, N>  `__shared__ SharedArray<float, 256> tile;`, N elements of the block
//   SharedPtr<T>       a place in shared memory: `&tile[i]`, `tile.data() + i`
//   dynamic_shared<T>(offset_bytes)  the launch's dynamic shared memory from that byte on
//   pointer_cast<U>(pointer)         the same place as another type, for vector loads
//   in_bounds(condition)             a check that guards an access, or a fill with zeros
//
// Under nvcc these are plain pointers and arrays, at no cost. In the emulator each access is
// checked, and `p[i]` is a proxy: give what you read its type (`const float x = p[i];`, never
// `auto`). Wider values keep their members together: read a float4 whole, then take `.x`.
#pragma once

#ifdef LAMINA_CUDA_EMULATED

#include "kernels/cuda/emulator/cuda_emulator.h"

#define LAMINA_UNROLL
#define LAMINA_KEEP_LOOP

#else

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

/// Before a loop whose arrays must be registers.
#define LAMINA_UNROLL _Pragma("unroll")
/// Before a loop whose rounds must not overlap, since registers are short.
#define LAMINA_KEEP_LOOP _Pragma("unroll 1")

namespace lamina::kernels::cuda {

template <typename T>
using GlobalPtr = T* __restrict__;

template <typename T>
using SharedPtr = T*;

template <typename T, int kCount>
struct alignas(16) SharedArray {
  T elements[kCount];

  __device__ __forceinline__ T& operator[](int i) { return elements[i]; }
  __device__ __forceinline__ T* data() { return elements; }
};

template <typename T>
__device__ __forceinline__ T* dynamic_shared(int offset_bytes = 0) {
  // 1024: what the widest swizzle of TMA and wgmma asks of a tile.
  extern __shared__ __align__(1024) unsigned char lamina_dynamic_shared[];
  return reinterpret_cast<T*>(lamina_dynamic_shared + offset_bytes);
}

/// A condition that keeps an access inside. The emulator can take it for true, to see that a test
/// notices.
__device__ __forceinline__ bool in_bounds(bool condition) { return condition; }

template <typename To, typename From>
__device__ __forceinline__ To* pointer_cast(From* pointer) {
  return reinterpret_cast<To*>(pointer);
}

}  // namespace lamina::kernels::cuda

#endif
