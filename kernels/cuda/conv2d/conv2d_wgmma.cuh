// Convolution as an implicit GEMM on Hopper: one warpgroup's first thread asks the copy engine for
// boxes of pixels and of weights, two warpgroups multiply them. docs/kernels/cuda-wgmma.md
#pragma once

#include "kernels/cuda/conv2d/conv2d_wgmma_store.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx/cluster.cuh"

namespace lamina::kernels::cuda {

/// A step's box of pixels. What of it lies outside of the image comes as zeros: that is the
/// padding.
template <typename T, int kN>
__device__ __forceinline__ void load_pixels(const WgmmaShape& s, const WgmmaTile& tile, int step,
                                            int stage, const TensorMap& input) {
  using Memory = WgmmaMemory<T, kN>;
  const int depth = step % s.depth_steps, tap = step / s.depth_steps;
  load_box(Memory::pixels(stage), input, Memory::full(stage), depth * kWgmmaDepth<T>,
           tile.x - s.pad_w + tap % s.kw * s.dilation_w,
           tile.y - s.pad_h + tap / s.kw * s.dilation_h, tile.image);
}

/// A step's weights. Each block of a cluster asks for half of them, for both.
template <typename T, int kN>
__device__ __forceinline__ void load_weights(const WgmmaShape& s, const WgmmaTile& tile, int step,
                                             int stage, const TensorMap& weight) {
  using Memory = WgmmaMemory<T, kN>;
  const SharedPtr<Mbarrier> full = Memory::full(stage);
  const int depth = step * kWgmmaDepth<T>;
  if (!s.paired) return load_box(Memory::weights(stage), weight, full, depth, tile.channel);
  const int first = cluster_rank() * (kN / kWgmmaCluster);
  load_box_to(0b11, Memory::weights(stage) + first * kWgmmaDepth<T>, weight, full, depth,
              tile.channel + first);
}

/// The producer's one thread: every step of every tile, as stages become free. What the model holds
/// is on its way for a ring full of steps before the kernel in front has ended.
template <typename T, int kN>
__device__ __forceinline__ void produce(const WgmmaShape& s, const TensorMap& input,
                                        const TensorMap& weight) {
  using Memory = WgmmaMemory<T, kN>;
  const WgmmaTile first(s, first_tile(s), cluster_rank(), kN);
  int ahead = 0;
  for (; ahead < Memory::kStages && first.first_step + ahead < first.last_step; ++ahead) {
    mbarrier_arrive_expect(Memory::full(ahead), Memory::kStageBytes);
    s.swapped ? load_pixels<T, kN>(s, first, first.first_step + ahead, ahead, input)
              : load_weights<T, kN>(s, first, first.first_step + ahead, ahead, weight);
  }
  wait_for_kernel_before();
  // The phase before the first one counts as ended: all stages are free.
  RingPlace<Memory::kStages> place(1);
  for (int t = first_tile(s); t < s.tiles; t = next_tile(s, t)) {
    const WgmmaTile tile(s, t, cluster_rank(), kN);
    for (int step = tile.first_step; step < tile.last_step; ++step, --ahead) {
      if (ahead <= 0) {
        mbarrier_wait(Memory::empty(place.stage), place.parity);
        mbarrier_arrive_expect(Memory::full(place.stage), Memory::kStageBytes);
      }
      if (ahead <= 0 || !s.swapped) load_pixels<T, kN>(s, tile, step, place.stage, input);
      if (ahead <= 0 || s.swapped) load_weights<T, kN>(s, tile, step, place.stage, weight);
      place.advance();
    }
  }
}

/// Tells the producers that fill a stage that a warp does not need it any more.
template <typename Memory>
__device__ __forceinline__ void release(const WgmmaShape& s, int stage) {
  if (threadIdx.x % kWarpLanes != 0) return;
  if (!s.paired) return mbarrier_arrive(Memory::empty(stage));
  mbarrier_arrive_at(Memory::empty(stage), 0);
  mbarrier_arrive_at(Memory::empty(stage), 1);
}

/// sums: a consumer's part of a tile, over steps [first, last). While one step is multiplied the
/// next is begun, and behind that the stage of the one before is given back.
template <typename T, int kN>
__device__ __forceinline__ void multiply_steps(const WgmmaShape& s, int consumer, int first,
                                               int last,
                                               RingPlace<WgmmaMemory<T, kN>::kStages>& place,
                                               float (&sums)[kN / 2]) {
  using Memory = WgmmaMemory<T, kN>;
  int before = -1;
  for (int step = first; step < last; ++step) {
    mbarrier_wait(Memory::full(place.stage), place.parity);
    const SharedPtr<T> pixels =
        Memory::pixels(place.stage) + consumer * kHalfPixels * kWgmmaDepth<T>;
    const SharedPtr<T> weights = Memory::weights(place.stage);
    wgmma_fence(sums);
    LAMINA_UNROLL
    for (int k = 0; k < kWgmmaRowBytes / kWgmmaBytes; ++k) {
      wgmma<T>(sums, matrix_at(pixels, k), matrix_at(weights, k), step > first || k > 0);
    }
    wgmma_commit();
    if (before >= 0) {
      wgmma_wait<1>(sums);
      release<Memory>(s, before);
    }
    before = place.stage;
    place.advance();
  }
  wgmma_wait<0>(sums);
  release<Memory>(s, before);
}

template <typename T, typename Out, int kN, bool kChunked>
__device__ __forceinline__ void consume(const WgmmaShape& s, int consumer, const TensorMap& output,
                                        const Finish& finish, GlobalPtr<float> partial) {
  wait_for_kernel_before();
  RingPlace<WgmmaMemory<T, kN>::kStages> place(0);
  int stores = 0;
  const int rank = cluster_rank();
  for (int t = first_tile(s); t < s.tiles; t = next_tile(s, t)) {
    const WgmmaTile tile(s, t, rank, kN);
    float sums[kN / 2];
    if constexpr (kChunked) {
      float chunk[kN / 2];
      for (int step = tile.first_step; step < tile.last_step; step += s.chunk_steps) {
        multiply_steps<T, kN>(s, consumer, step, min(step + s.chunk_steps, tile.last_step), place,
                              chunk);
        LAMINA_UNROLL
        for (int i = 0; i < kN / 2; ++i) {
          sums[i] = step == tile.first_step ? 0.0f + chunk[i] : sums[i] + chunk[i];
        }
      }
    } else {
      multiply_steps<T, kN>(s, consumer, tile.first_step, tile.last_step, place, sums);
    }
    if (s.split) {
      store_partial<kN>(s, tile, consumer, sums, partial);
    } else {
      store_half<T, Out, kN>(s, tile, consumer, output, finish, sums, stores);
    }
  }
  // The block's memory must outlive what is read from it.
  if (threadIdx.x % kWarpgroupThreads == 0) store_box_wait<0>();
}

template <typename T, typename Out, int kN, bool kChunked>
__device__ __forceinline__ void run_wgmma(const WgmmaShape& shape, const TensorMap& input,
                                          const TensorMap& weight, const TensorMap& output,
                                          const Finish& finish, GlobalPtr<float> partial) {
  using Memory = WgmmaMemory<T, kN>;
  constexpr int kWarps = kConsumers * kWarpgroupThreads / kWarpLanes;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Memory::kStages; ++stage) {
      mbarrier_init(Memory::full(stage), 1);
      mbarrier_init(Memory::empty(stage), shape.paired ? kWgmmaCluster * kWarps : kWarps);
    }
    mbarrier_fence_init();
    prefetch_map(input);
    prefetch_map(weight);
    prefetch_map(output);
  }
  if (shape.paired) {
    cluster_sync();
  } else {
    __syncthreads();
  }
  let_next_kernel_start();
  const int group = static_cast<int>(threadIdx.x) / kWarpgroupThreads;
  if (group == kConsumers) {
    give_registers<40>();
    if (threadIdx.x % kWarpgroupThreads == 0) produce<T, kN>(shape, input, weight);
  } else {
    take_registers<232>();
    consume<T, Out, kN, kChunked>(shape, group, output, finish, partial);
  }
  // The other block may still arrive here.
  if (shape.paired) cluster_sync();
}

/// Products of T, results stored as Out. Grid: whole clusters, up to one block for each
/// multiprocessor; each goes on to further tiles.
template <typename T, typename Out, int kN, bool kChunked>
__global__ __launch_bounds__(kWgmmaThreads,
                             1) void conv2d_wgmma_kernel(WgmmaShape shape,
                                                         const __grid_constant__ TensorMap input,
                                                         const __grid_constant__ TensorMap weight,
                                                         const __grid_constant__ TensorMap output,
                                                         Finish finish, GlobalPtr<float> partial) {
  if constexpr (kHasWgmma) {
    run_wgmma<T, Out, kN, kChunked>(shape, input, weight, output, finish, partial);
  }
}

}  // namespace lamina::kernels::cuda
