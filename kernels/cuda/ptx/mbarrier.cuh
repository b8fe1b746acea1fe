// mbarriers: places in shared memory where threads and copies meet (sm_90).
//
// A phase of a mbarrier ends when `arrivals` threads have arrived and all bytes that were announced
// have come. Phases are told apart by their parity: the first has 0, the next 1, then 0 again.
//
//   mbarrier_init(full, 1); mbarrier_fence_init(); __syncthreads();    // one thread initialises
//   mbarrier_arrive_expect(full, bytes); load_box(..., full, ...);     // one thread asks
//   mbarrier_wait(full, 0);                                            // all that read the bytes
#pragma once

#include "kernels/cuda/language.cuh"

#ifdef LAMINA_CUDA_EMULATED
#include "kernels/cuda/emulator/mbarrier.h"
#else

namespace lamina::kernels::cuda {

using Mbarrier = std::uint64_t;

__device__ __forceinline__ unsigned shared_address(const void* shared) {
  return static_cast<unsigned>(__cvta_generic_to_shared(shared));
}

/// By one thread; the others use it behind a barrier.
__device__ __forceinline__ void mbarrier_init(SharedPtr<Mbarrier> barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(shared_address(barrier)),
               "r"(arrivals)
               : "memory");
}

/// Behind the initialisations: the copy engine sees them.
__device__ __forceinline__ void mbarrier_fence_init() {
  asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory");
}

__device__ __forceinline__ void mbarrier_arrive(SharedPtr<Mbarrier> barrier) {
  asm volatile(
      "mbarrier.arrive.release.cta.shared::cta.b64 _, [%0];\n" ::"r"(shared_address(barrier))
      : "memory");
}

/// Arrives, and announces bytes that copies will bring in this phase.
__device__ __forceinline__ void mbarrier_arrive_expect(SharedPtr<Mbarrier> barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 _, [%0], %1;\n" ::"r"(
                   shared_address(barrier)),
               "r"(bytes)
               : "memory");
}

/// Waits until the phase of this parity has ended. Requires: the phase before it has.
__device__ __forceinline__ void mbarrier_wait(SharedPtr<Mbarrier> barrier, unsigned parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;\n"
      "}\n" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
}

/// A barrier of `threads` threads of the block, whole warps; names are 1 to 15.
__device__ __forceinline__ void named_barrier(int name, int threads) {
  asm volatile("bar.sync %0, %1;\n" ::"r"(name), "r"(threads) : "memory");
}

}  // namespace lamina::kernels::cuda

#endif
