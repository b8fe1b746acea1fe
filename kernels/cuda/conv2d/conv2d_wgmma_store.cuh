// What happens to a consumer's sums: to the workspace as they are, or pooled, finished, rounded and
// stored by the copy engine.
#pragma once

#include "kernels/cuda/block_reduce.cuh"
#include "kernels/cuda/conv2d/conv2d_finish.cuh"
#include "kernels/cuda/conv2d/conv2d_wgmma_tile.cuh"
#include "kernels/cuda/element.cuh"

namespace lamina::kernels::cuda {

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

/// A row's bytes of channels of a half's results into shared memory, pixels in the order of the box
/// that is stored, swizzled as the copy engine expects them.
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
  for (int j = 0; j < kWgmmaDepth<T> / 8; ++j) {
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
      constexpr int kPart = kVectorBytes / static_cast<int>(sizeof(T));  // what the swizzle moves
      const int e = j * 8 + column;
      const int at =
          rows[lower] * kWgmmaDepth<T> + (e / kPart ^ rows[lower] % 8) * kPart + e % kPart;
      if (rows[lower] >= 0) pointer_cast<Run<T, 2>>(slab + at)[0] = runs[lower];
    }
  }
}

/// A half's results, 128 bytes of channels at a time: through shared memory to the copy engine,
/// which leaves out what lies outside of the output.
template <typename T, typename Out, int kN>
__device__ __forceinline__ void store_half(const WgmmaShape& s, const WgmmaTile& tile, int consumer,
                                           const TensorMap& output, const Finish& finish,
                                           const float (&sums)[kN / 2], int& stores) {
  constexpr int kDepth = kWgmmaDepth<Out>;
  const WgmmaHalf half(s, tile, consumer);
  const bool asks = threadIdx.x % kWarpgroupThreads == 0;
  const int scale = s.pooled ? 2 : 1;
  LAMINA_UNROLL
  for (int i = 0; i < kN / kDepth; ++i) {
    const SharedPtr<Out> slab = WgmmaMemory<T, kN>::template slab<Out>(consumer, stores++ % 2);
    const int channel = tile.channel + i * kDepth;
    const float* const part = sums + i * (kDepth / 2);
    // The store before the last one has read its buffer, which is this one.
    if (asks) store_box_wait<1>();
    named_barrier(1 + consumer, kWarpgroupThreads);
    s.pooled ? fill_slab<Out, true>(s, half.box, channel, finish, part, slab)
             : fill_slab<Out, false>(s, half.box, channel, finish, part, slab);
    fence_proxy_async();
    named_barrier(1 + consumer, kWarpgroupThreads);
    if (asks) {
      store_box(output, slab, channel, half.x / scale, half.y / scale, half.image);
      store_box_commit();
    }
  }
}

}  // namespace lamina::kernels::cuda
