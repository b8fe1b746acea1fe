// The implicit GEMM: one kernel for every precision and tile. docs/kernels/cuda-implicit-gemm.md
#pragma once

#include "kernels/cuda/conv2d/conv2d_finish.cuh"
#include "kernels/cuda/conv2d/conv2d_loader.cuh"
#include "kernels/cuda/conv2d/conv2d_mma.cuh"
#include "kernels/cuda/launch.cuh"

namespace lamina::kernels::cuda {

/// Writes neighbouring channels of one row, together where all of them are there and aligned.
template <typename T, int kWidth>
__device__ void store_run(GlobalPtr<T> output, std::int64_t row, int c_out, int channel, int end,
                          const float (&values)[kWidth]) {
  const std::int64_t at = row * c_out + channel;
  if (kWidth > 1 && at % kWidth == 0 && in_bounds(channel + kWidth <= end)) {
    Run<T, kWidth> run;
    for (int e = 0; e < kWidth; ++e) run.values[e] = from_float<T>(values[e]);
    pointer_cast<Run<T, kWidth>>(output + at)[0] = run;
    return;
  }
  for (int e = 0; e < kWidth; ++e) {
    if (in_bounds(channel + e < end)) output[at + e] = from_float<T>(values[e]);
  }
}

/// sums: a block's tile of the product over the tiles of depth [first, last), through a ring of
/// kStages stages in shared memory: while one is multiplied, the next kStages - 1 are on their way.
/// Each chunk is summed from zero; kChunked: there are several, added in their order.
template <typename Math, typename Loader, int kStages, bool kChunked>
__device__ void multiply_tiles(const ConvShape& shape, const Math& math, Loader& loader, int first,
                               int last, float (&sums)[Math::kSums]) {
  using T = typename Math::Element;
  const SharedPtr<T> ring = dynamic_shared<T>();
  float chunk[Math::kSums];
  LAMINA_UNROLL
  for (int i = 0; i < Math::kSums; ++i) chunk[i] = sums[i] = 0;
  LAMINA_UNROLL
  for (int s = 0; s < kStages - 1; ++s) {
    if (in_bounds(first + s < last)) loader.load(ring + s * Loader::kElements);
    cp_async_commit();
  }
  int stage = 0, free_stage = kStages - 1, left = shape.chunk_tiles;
  for (int tile = first; tile < last; ++tile) {
    // Now this thread's part of the tile is there; behind the barrier everybody's is, and nobody
    // reads the stage any more that is filled next.
    cp_async_wait<kStages - 2>();
    __syncthreads();
    if (in_bounds(tile + kStages - 1 < last)) loader.load(ring + free_stage * Loader::kElements);
    cp_async_commit();
    math.multiply(ring + stage * Loader::kElements, chunk);
    stage = stage + 1 == kStages ? 0 : stage + 1;
    free_stage = free_stage + 1 == kStages ? 0 : free_stage + 1;
    if (kChunked && --left == 0) {
      left = shape.chunk_tiles;
      LAMINA_UNROLL
      for (int i = 0; i < Math::kSums; ++i) {
        sums[i] += chunk[i];
        chunk[i] = 0;
      }
    }
  }
  LAMINA_UNROLL
  for (int i = 0; i < Math::kSums; ++i) sums[i] += chunk[i];
}

/// Grid: x over pixels, y over a group's channels, z over groups and, where partial, chunks.
template <typename Math, int kM, int kN, int kStages, bool kVectors, bool kChunked>
__global__ __launch_bounds__(Math::kThreads) void conv2d_kernel(
    ConvShape shape, GlobalPtr<const typename Math::Element> input,
    GlobalPtr<const typename Math::Element> weight, Finish finish,
    GlobalPtr<typename Math::Element> output, GlobalPtr<float> f32_output, bool partial) {
  wait_for_kernel_before();
  using T = typename Math::Element;
  const int m0 = static_cast<int>(blockIdx.x) * kM, n0 = static_cast<int>(blockIdx.y) * kN;
  const int chunk = partial ? static_cast<int>(blockIdx.z) % shape.k_chunks : 0;
  const int group =
      partial ? static_cast<int>(blockIdx.z) / shape.k_chunks : static_cast<int>(blockIdx.z);
  const int first = chunk * shape.chunk_tiles;
  const int last = partial ? min(first + shape.chunk_tiles, shape.k_tiles) : shape.k_tiles;

  const Math math;
  TileLoader<T, kM, kN, Math::kThreads, kVectors> loader(shape, input, weight, m0, n0, group,
                                                         first);
  float sums[Math::kSums];
  multiply_tiles<Math, decltype(loader), kStages, kChunked>(shape, math, loader, first, last, sums);

  const int channel0 = group * shape.c_out_group + n0;
  const int end = (group + 1) * shape.c_out_group;
  const auto store = [&](int row, int column, const float(&values)[Math::kWidth]) {
    if (!in_bounds(row < shape.m)) return;
    const int channel = channel0 + column;
    if (partial) {
      store_run(f32_output, std::int64_t{chunk} * shape.m + row, shape.c_out, channel, end, values);
      return;
    }
    float results[Math::kWidth];
    for (int e = 0; e < Math::kWidth; ++e) {
      const bool is_channel = in_bounds(channel + e < end);
      results[e] = is_channel ? finish(values[e], channel + e) : 0;
    }
    const int at = shape.pooled ? row / 4 : row;
    shape.f32_output ? store_run(f32_output, at, shape.c_out, channel, end, results)
                     : store_run(output, at, shape.c_out, channel, end, results);
  };
  // Bias and ReLU change nothing in which of four values is the largest.
  if (shape.pooled && !partial) {
    math.for_each_window(sums, [&](int row, int column, const float(&values)[Math::kWidth]) {
      store(m0 + row, column, values);
    });
  } else {
    math.for_each(sums, [&](int row, int column, const float(&values)[Math::kWidth]) {
      store(m0 + row, column, values);
    });
  }
}

template <typename Math, int kM, int kN, int kStages, bool kVectors>
void launch_tile(Stream& stream, const ConvShape& shape, const Conv2dPlan& plan,
                 const ConvPointers& pointers) {
  using T = typename Math::Element;
  const bool chunked = shape.k_chunks > 1 && !plan.split;
  const int groups = shape.c_out / shape.c_out_group;
  launch({.kernel = "conv2d",
          .grid = dim3(blocks_for(shape.m, kM), blocks_for(shape.c_out_group, kN),
                       static_cast<unsigned>(groups * (plan.split ? shape.k_chunks : 1))),
          .block = Math::kThreads,
          .smem_bytes = kStages * (kM + kN) * kTileDepthBytes,
          .stream = stream},
         chunked ? conv2d_kernel<Math, kM, kN, kStages, kVectors, true>
                 : conv2d_kernel<Math, kM, kN, kStages, kVectors, false>,
         shape, static_cast<const T*>(pointers.input), static_cast<const T*>(pointers.weight),
         finish_of(pointers, shape.relu), static_cast<T*>(pointers.output),
         plan.split ? pointers.partial : static_cast<float*>(pointers.output), plan.split);
}

}  // namespace lamina::kernels::cuda
