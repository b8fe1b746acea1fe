// cp.async: copies from device to shared memory that go on while the thread computes (sm_80 on).
//
//   cp_async<16>(tile, input, is_inside);     // any number of copies
//   cp_async_commit();                        // make a group
//   cp_async_wait<2>();                       // all of this thread's groups but the newest two are
//   there
//   __syncthreads();                          // and so are those of the other threads
#pragma once

#include "kernels/cuda/language.cuh"

#ifdef LAMINA_CUDA_EMULATED
#include "kernels/cuda/emulator/async_copy.h"
#else

namespace lamina::kernels::cuda {

/// Copies kBytes (4, 8 or 16), both sides aligned to them; where !valid writes zeros, and reads
/// nothing. 16 bytes bypass L1: what kernels copy so is read from shared memory many times, and
/// from device memory once a block.
template <int kBytes, typename T>
__device__ __forceinline__ void cp_async(SharedPtr<T> to, const T* from, bool valid) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  const int bytes = valid ? kBytes : 0;
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(address), "l"(from),
                 "r"(bytes));
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;\n" ::"r"(address), "l"(from),
                 "n"(kBytes), "r"(bytes));
  }
}

__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;\n"); }

template <int kNewest>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kNewest) : "memory");
}

}  // namespace lamina::kernels::cuda

#endif
