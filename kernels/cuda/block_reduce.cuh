// One value out of all threads of a block, in an order that is always the same.
#pragma once

#include "kernels/cuda/language.cuh"

namespace lamina::kernels::cuda {

inline constexpr int kWarpLanes = 32;
inline constexpr unsigned kAllLanes = 0xffffffffu;

/// Every thread gets join(... join(v0, v1) ...) over the values of all. First the lanes of each
/// warp by a butterfly, then the warps in their order through `partial`, one place each. join must
/// commute, so that all lanes see the same bits. `partial` may be used again behind a barrier.
/// Requires: kThreads a multiple of 32, all of them calling.
template <int kThreads, typename T, typename Join>
__device__ T reduce_block(T value, SharedArray<T, kThreads / kWarpLanes>& partial, Join join) {
  for (int distance = kWarpLanes / 2; distance > 0; distance /= 2) {
    value = join(value, __shfl_xor_sync(kAllLanes, value, distance));
  }
  if (threadIdx.x % kWarpLanes == 0) partial[threadIdx.x / kWarpLanes] = value;
  __syncthreads();
  T result = partial[0];
  for (int warp = 1; warp < kThreads / kWarpLanes; ++warp) {
    const T next = partial[warp];
    result = join(result, next);
  }
  return result;
}

}  // namespace lamina::kernels::cuda
