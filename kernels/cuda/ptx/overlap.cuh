// Kernels that start while the one before still runs (programmatic dependent launch, sm_90 on): on
// a Stream that overlaps, a kernel waits by itself before it touches what others write.
//
//   prefetch(weight);            // what was there before the chain of kernels may be read
//   wait_for_kernel_before();    // the kernel before has ended, and its writes are to be seen
//   output[i] = f(input[i]);
#pragma once

#include "kernels/cuda/language.cuh"

#ifdef LAMINA_CUDA_EMULATED
#include "kernels/cuda/emulator/overlap.h"
#else

namespace lamina::kernels::cuda {

/// When every block has come here or ended, the next kernel's blocks may start, as multiprocessors
/// become free.
__device__ __forceinline__ void let_next_kernel_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;\n");
#endif
}

/// Lets the next kernel start, and waits for the one before. Every thread that reads or writes what
/// a kernel of the chain touches must call it, and all blocks do: so no kernel ends before those
/// before it. On a stream that does not overlap it does nothing.
__device__ __forceinline__ void wait_for_kernel_before() {
  let_next_kernel_start();
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;\n" ::: "memory");
#endif
}

}  // namespace lamina::kernels::cuda

#endif
