// Clusters (sm_90): blocks that run at one time on neighbouring multiprocessors, as many as the
// launch says. They arrive at each other's mbarriers, and one's copy of a box lands in all.
//
//   if (threadIdx.x == 0) { mbarrier_init(...); mbarrier_fence_init(); }
//   cluster_sync();                                // now another block's mbarriers may be used
//   load_box_to(0b11, tile, map, full, x, y);      // one asks, both wait at their own `full`
//   mbarrier_arrive_at(empty, 0); mbarrier_arrive_at(empty, 1);  // both may fill the place again
//   cluster_sync();                                // nobody leaves while others may reach into it
#pragma once

#include "kernels/cuda/ptx/bulk_copy.cuh"
#include "kernels/cuda/ptx/mbarrier.cuh"

#ifdef LAMINA_CUDA_EMULATED
#include "kernels/cuda/emulator/cluster.h"
#else

namespace lamina::kernels::cuda {

/// Of this block within its cluster, blockIdx.x % the cluster's size; 0 without clusters.
__device__ __forceinline__ int cluster_rank() {
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;\n" : "=r"(rank));
  return static_cast<int>(rank);
}

/// A barrier of all threads of all blocks of the cluster, a __syncthreads() as well.
__device__ __forceinline__ void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;\n" ::: "memory");
}

/// Arrives at the mbarrier that lies in block `rank` where `barrier` lies in this one. It orders
/// what the thread has read from shared memory before what is copied there next.
__device__ __forceinline__ void mbarrier_arrive_at(SharedPtr<Mbarrier> barrier, int rank) {
  // Not .cluster: nvcc makes of that a fence for the whole device, and nothing was written here
  // that the other block reads.
  asm volatile(
      "{\n"
      ".reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %0, %1;\n"
      "mbarrier.arrive.release.cta.shared::cluster.b64 _, [there];\n"
      "}\n" ::"r"(shared_address(barrier)),
      "r"(rank)
      : "memory");
}

/// Asks for the box at (x, y) for each block whose bit is set: it lands at the same place in all,
/// and on the mbarrier of each.
template <typename T>
__device__ __forceinline__ void load_box_to(unsigned blocks, SharedPtr<T> to, const TensorMap& map,
                                            SharedPtr<Mbarrier> barrier, int x, int y) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%3, %4}], [%2], %5;\n" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(barrier)), "r"(x), "r"(y),
      "h"(static_cast<unsigned short>(blocks))
      : "memory");
}

}  // namespace lamina::kernels::cuda

#endif
