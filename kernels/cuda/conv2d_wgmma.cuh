// Convolution as an implicit GEMM on Hopper: one warpgroup's first thread asks the copy engine for
// boxes of pixels and of weights, two warpgroups multiply them. docs/kernels/cuda-wgmma.md
#pragma once

#include "kernels/cuda/block_reduce.cuh"
#include "kernels/cuda/conv2d_finish.cuh"
#include "kernels/cuda/conv2d_wgmma.h"
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx/bulk_copy.cuh"
#include "kernels/cuda/ptx/wgmma.cuh"

namespace lamina::kernels::cuda {

inline constexpr int kWarpgroupThreads = 128, kConsumers = 2;
inline constexpr int kWgmmaThreads = (1 + kConsumers) * kWarpgroupThreads;
inline constexpr int kHalfPixels = kWgmmaPixels / kConsumers;
inline constexpr int kRowBytes = 128;  // of a tile in shared memory: kWgmmaDepth elements

/// Where things lie in a block's shared memory.
template <typename T, int kN>
struct WgmmaMemory {
  static constexpr int kStages = wgmma_stages(kN);
  static constexpr int kPixelBytes = kWgmmaPixels * kRowBytes, kWeightBytes = kN * kRowBytes;
  static constexpr int kStageBytes = kPixelBytes + kWeightBytes;
  // Two buffers for each consumer, of 64 pixels by 64 channels.
  static constexpr int kSlabBytes = kHalfPixels * kRowBytes;
  static constexpr int kSlabs = kStages * kStageBytes;
  static constexpr int kBarriers = kSlabs + 2 * kConsumers * kSlabBytes;
  static constexpr int kBytes = kBarriers + 2 * kStages * static_cast<int>(sizeof(Mbarrier));

  __device__ static SharedPtr<T> pixels(int stage) {
    return dynamic_shared<T>(stage * kStageBytes);
  }
  __device__ static SharedPtr<T> weights(int stage) {
    return dynamic_shared<T>(stage * kStageBytes + kPixelBytes);
  }
  __device__ static SharedPtr<T> slab(int consumer, int i) {
    return dynamic_shared<T>(kSlabs + (2 * consumer + i) * kSlabBytes);
  }
  __device__ static SharedPtr<Mbarrier> full(int stage) {
    return dynamic_shared<Mbarrier>(kBarriers + 16 * stage);
  }
  __device__ static SharedPtr<Mbarrier> empty(int stage) {
    return dynamic_shared<Mbarrier>(kBarriers + 16 * stage + 8);
  }
};

/// A stage of the ring, and the parity of the phase that it is in.
template <int kStages>
struct RingPlace {
  int stage = 0;
  unsigned parity;

  __device__ explicit RingPlace(unsigned first_parity) : parity(first_parity) {}
  __device__ void advance() {
    if (++stage < kStages) return;
    stage = 0;
    parity ^= 1;
  }
};

/// Which part of the product a tile is. Channels come first, so that blocks at work at one time
/// read the same pixels.
struct WgmmaTile {
  int x, y, image, channel;  // the first of each
  int chunk, first_step, last_step;

  __device__ WgmmaTile(const WgmmaShape& s, int tile, int channels) {
    channel = tile % s.tiles_c * channels;
    tile /= s.tiles_c;
    x = tile % s.tiles_x * s.box.w;
    tile /= s.tiles_x;
    y = tile % s.tiles_y * s.box.h;
    tile /= s.tiles_y;
    image = tile % s.tiles_n * s.box.n;
    chunk = tile / s.tiles_n;  // 0 where the plan is not split
    first_step = s.split ? chunk * s.chunk_steps : 0;
    last_step = s.split ? min(first_step + s.chunk_steps, s.steps) : s.steps;
  }
};

/// The half of a tile that one consumer has: half of its last dimension that has more than one.
struct WgmmaHalf {
  PixelBox box;
  int x, y, image;

  __device__ WgmmaHalf(const WgmmaShape& s, const WgmmaTile& tile, int consumer)
      : box(s.box), x(tile.x), y(tile.y), image(tile.image) {
    if (box.n > 1) {
      image += consumer * (box.n /= 2);
    } else if (box.h > 1) {
      y += consumer * (box.h /= 2);
    } else {
      x += consumer * (box.w /= 2);
    }
  }
};

/// The producer's one thread: every step of every tile, as stages become free.
template <typename T, int kN>
__device__ __forceinline__ void produce(const WgmmaShape& s, const TensorMap& input,
                                        const TensorMap& weight) {
  using Memory = WgmmaMemory<T, kN>;
  // The phase before the first one counts as ended: all stages are free.
  RingPlace<Memory::kStages> place(1);
  for (int t = static_cast<int>(blockIdx.x); t < s.tiles; t += static_cast<int>(gridDim.x)) {
    const WgmmaTile tile(s, t, kN);
    int depth = tile.first_step % s.depth_steps, tap = tile.first_step / s.depth_steps;
    for (int step = tile.first_step; step < tile.last_step; ++step) {
      const SharedPtr<Mbarrier> full = Memory::full(place.stage);
      mbarrier_wait(Memory::empty(place.stage), place.parity);
      mbarrier_arrive_expect(full, Memory::kStageBytes);
      // What of the box lies outside of the image reads as zeros: that is the padding.
      load_box(Memory::pixels(place.stage), input, full, depth * kWgmmaDepth,
               tile.x - s.pad_w + tap % s.kw * s.dilation_w,
               tile.y - s.pad_h + tap / s.kw * s.dilation_h, tile.image);
      load_box(Memory::weights(place.stage), weight, full, step * kWgmmaDepth, tile.channel);
      place.advance();
      if (++depth == s.depth_steps) {
        depth = 0;
        ++tap;
      }
    }
  }
}

/// Tells the producer that a warp does not need a stage any more.
template <typename Memory>
__device__ void release(int stage) {
  if (threadIdx.x % kWarpLanes == 0) mbarrier_arrive(Memory::empty(stage));
}

/// sums: a consumer's part of a tile, over steps [first, last). While one step is multiplied the
/// next is begun, and behind that the stage of the one before is given back.
template <typename T, int kN>
__device__ __forceinline__ void multiply_steps(int consumer, int first, int last,
                                               RingPlace<WgmmaMemory<T, kN>::kStages>& place,
                                               float (&sums)[kN / 2]) {
  using Memory = WgmmaMemory<T, kN>;
  int before = -1;
  for (int step = first; step < last; ++step) {
    mbarrier_wait(Memory::full(place.stage), place.parity);
    const SharedPtr<T> pixels = Memory::pixels(place.stage) + consumer * kHalfPixels * kWgmmaDepth;
    const SharedPtr<T> weights = Memory::weights(place.stage);
    wgmma_fence(sums);
    LAMINA_UNROLL
    for (int k = 0; k < kWgmmaDepth / 16; ++k) {
      wgmma<T>(sums, matrix_at(pixels, k), matrix_at(weights, k), step > first || k > 0);
    }
    wgmma_commit();
    if (before >= 0) {
      wgmma_wait<1>(sums);
      release<Memory>(before);
    }
    before = place.stage;
    place.advance();
  }
  wgmma_wait<0>(sums);
  release<Memory>(before);
}

/// The pixel of a row of a half's sums.
struct WgmmaPixel {
  int x, y, image;  // within the half

  __device__ WgmmaPixel(const PixelBox& box, int row)
      : x(row % box.w), y(row / box.w % box.h), image(row / (box.w * box.h)) {}
};

/// Sums of a chunk to [k_chunks, m, c_out], rows as add_chunks_kernel() reads them.
template <int kN>
__device__ __forceinline__ void store_partial(const WgmmaShape& s, const WgmmaTile& tile,
                                              int consumer, const float (&sums)[kN / 2],
                                              GlobalPtr<float> partial) {
  const WgmmaHalf half(s, tile, consumer);
  const int thread = static_cast<int>(threadIdx.x) % kWarpgroupThreads, lane = thread % kWarpLanes;
  LAMINA_UNROLL
  for (int lower = 0; lower < 2; ++lower) {
    const WgmmaPixel pixel(half.box, thread / kWarpLanes * 16 + lower * 8 + lane / 4);
    const int x = half.x + pixel.x, y = half.y + pixel.y, image = half.image + pixel.image;
    if (!in_bounds(x < s.ow && y < s.oh && image < s.n)) continue;
    int row = (image * s.oh + y) * s.ow + x;
    if (s.pooled) {
      row = ((image * (s.oh / 2) + y / 2) * (s.ow / 2) + x / 2) * 4 + y % 2 * 2 + x % 2;
    }
    const std::int64_t at = (std::int64_t{tile.chunk} * s.m + row) * s.c_out;
    LAMINA_UNROLL
    for (int j = 0; j < kN / 8; ++j) {
      const int channel = tile.channel + j * 8 + lane % 4 * 2;
      if (!in_bounds(channel < s.c_out)) continue;
      pointer_cast<float2>(partial + at + channel)[0] =
          float2{sums[4 * j + 2 * lower], sums[4 * j + 2 * lower + 1]};
    }
  }
}

/// The largest of each window, in the lanes of its first pixel; `values` are of a thread's upper
/// and lower row. The right one lies 4 lanes further, the one below in the same thread or some
/// lanes further: may_be() in conv2d_wgmma_plan.cpp has no other boxes.
__device__ __forceinline__ void pool(const PixelBox& box, float (&values)[2]) {
  LAMINA_UNROLL
  for (int lower = 0; lower < 2; ++lower) {
    values[lower] = larger_or_nan(values[lower], __shfl_xor_sync(kAllLanes, values[lower], 4));
    if (box.w < 8) {
      values[lower] =
          larger_or_nan(values[lower], __shfl_xor_sync(kAllLanes, values[lower], 4 * box.w));
    }
  }
  if (box.w == 8) values[0] = larger_or_nan(values[0], values[1]);
}

/// 64 channels of a half's results into shared memory, pixels in the order of the box that is
/// stored, swizzled as the copy engine expects them.
template <typename T, bool kPooled>
__device__ __forceinline__ void fill_slab(const WgmmaShape& s, const PixelBox& box, int channel0,
                                          const Finish& finish, const float* sums,
                                          SharedPtr<T> slab) {
  constexpr int kScale = kPooled ? 2 : 1;
  const int thread = static_cast<int>(threadIdx.x) % kWarpgroupThreads, lane = thread % kWarpLanes;
  int rows[2];  // of the slab; negative: nothing to store
  LAMINA_UNROLL
  for (int lower = 0; lower < 2; ++lower) {
    const WgmmaPixel pixel(box, thread / kWarpLanes * 16 + lower * 8 + lane / 4);
    rows[lower] =
        (pixel.image * (box.h / kScale) + pixel.y / kScale) * (box.w / kScale) + pixel.x / kScale;
    if (kPooled && (pixel.x % 2 != 0 || pixel.y % 2 != 0)) rows[lower] = -1;
  }
  LAMINA_UNROLL
  for (int j = 0; j < kWgmmaDepth / 8; ++j) {
    const int column = lane % 4 * 2, channel = channel0 + j * 8 + column;
    const bool is_channel = in_bounds(channel < s.c_out);
    Run<T, 2> runs[2];
    LAMINA_UNROLL
    for (int e = 0; e < 2; ++e) {
      float values[2] = {sums[j * 4 + e], sums[j * 4 + 2 + e]};
      if (kPooled) pool(box, values);
      LAMINA_UNROLL
      for (int lower = 0; lower < 2; ++lower) {
        runs[lower].values[e] =
            from_float<T>(is_channel ? finish(values[lower], channel + e) : 0.0f);
      }
    }
    LAMINA_UNROLL
    for (int lower = 0; lower < 2; ++lower) {
      const int at = rows[lower] * kWgmmaDepth + (j ^ rows[lower] % 8) * 8 + column;
      if (rows[lower] >= 0) pointer_cast<Run<T, 2>>(slab + at)[0] = runs[lower];
    }
  }
}

/// A half's results, 64 channels at a time: through shared memory to the copy engine, which leaves
/// out what lies outside of the output.
template <typename T, int kN>
__device__ __forceinline__ void store_half(const WgmmaShape& s, const WgmmaTile& tile, int consumer,
                                           const TensorMap& output, const Finish& finish,
                                           const float (&sums)[kN / 2], int& stores) {
  const WgmmaHalf half(s, tile, consumer);
  const bool asks = threadIdx.x % kWarpgroupThreads == 0;
  const int scale = s.pooled ? 2 : 1;
  LAMINA_UNROLL
  for (int i = 0; i < kN / kWgmmaDepth; ++i) {
    const SharedPtr<T> slab = WgmmaMemory<T, kN>::slab(consumer, stores++ % 2);
    const int channel = tile.channel + i * kWgmmaDepth;
    const float* const part = sums + i * (kWgmmaDepth / 2);
    // The store before the last one has read its buffer, which is this one.
    if (asks) store_box_wait<1>();
    named_barrier(1 + consumer, kWarpgroupThreads);
    s.pooled ? fill_slab<T, true>(s, half.box, channel, finish, part, slab)
             : fill_slab<T, false>(s, half.box, channel, finish, part, slab);
    fence_proxy_async();
    named_barrier(1 + consumer, kWarpgroupThreads);
    if (asks) {
      store_box(output, slab, channel, half.x / scale, half.y / scale, half.image);
      store_box_commit();
    }
  }
}

template <typename T, int kN, bool kChunked>
__device__ __forceinline__ void consume(const WgmmaShape& s, int consumer, const TensorMap& output,
                                        const Finish& finish, GlobalPtr<float> partial) {
  RingPlace<WgmmaMemory<T, kN>::kStages> place(0);
  int stores = 0;
  for (int t = static_cast<int>(blockIdx.x); t < s.tiles; t += static_cast<int>(gridDim.x)) {
    const WgmmaTile tile(s, t, kN);
    float sums[kN / 2];
    if constexpr (kChunked) {
      float chunk[kN / 2];
      for (int step = tile.first_step; step < tile.last_step; step += s.chunk_steps) {
        multiply_steps<T, kN>(consumer, step, min(step + s.chunk_steps, tile.last_step), place,
                              chunk);
        LAMINA_UNROLL
        for (int i = 0; i < kN / 2; ++i) {
          sums[i] = step == tile.first_step ? 0.0f + chunk[i] : sums[i] + chunk[i];
        }
      }
    } else {
      multiply_steps<T, kN>(consumer, tile.first_step, tile.last_step, place, sums);
    }
    if (s.split) {
      store_partial<kN>(s, tile, consumer, sums, partial);
    } else {
      store_half<T, kN>(s, tile, consumer, output, finish, sums, stores);
    }
  }
  // The block's memory must outlive what is read from it.
  if (threadIdx.x % kWarpgroupThreads == 0) store_box_wait<0>();
}

template <typename T, int kN, bool kChunked>
__device__ __forceinline__ void run_wgmma(const WgmmaShape& shape, const TensorMap& input,
                                          const TensorMap& weight, const TensorMap& output,
                                          const Finish& finish, GlobalPtr<float> partial) {
  using Memory = WgmmaMemory<T, kN>;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Memory::kStages; ++stage) {
      mbarrier_init(Memory::full(stage), 1);
      mbarrier_init(Memory::empty(stage), kConsumers * kWarpgroupThreads / kWarpLanes);
    }
    mbarrier_fence_init();
    prefetch_map(input);
    prefetch_map(weight);
    prefetch_map(output);
  }
  __syncthreads();
  const int group = static_cast<int>(threadIdx.x) / kWarpgroupThreads;
  if (group == kConsumers) {
    give_registers<24>();
    if (threadIdx.x % kWarpgroupThreads == 0) produce<T, kN>(shape, input, weight);
  } else {
    take_registers<240>();
    consume<T, kN, kChunked>(shape, group, output, finish, partial);
  }
}

/// Grid: up to one block for each multiprocessor; each takes every gridDim.x-th tile.
template <typename T, int kN, bool kChunked>
__global__ __launch_bounds__(kWgmmaThreads,
                             1) void conv2d_wgmma_kernel(WgmmaShape shape,
                                                         const __grid_constant__ TensorMap input,
                                                         const __grid_constant__ TensorMap weight,
                                                         const __grid_constant__ TensorMap output,
                                                         Finish finish, GlobalPtr<float> partial) {
  if constexpr (kHasWgmma) {
    run_wgmma<T, kN, kChunked>(shape, input, weight, output, finish, partial);
  }
}

}  // namespace lamina::kernels::cuda
