#include "kernels/cuda/classify.h"

#include "kernels/cuda/block_reduce.cuh"
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"

namespace lamina::kernels::cuda {
namespace {

constexpr int kThreads = 256;

struct Larger {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};
struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};

// One block a row. A thousand classes are four values a thread: latency of the two reductions is
// all that counts. The row is read three times, from L1 after the first. A NaN is passed over by
// fmaxf and comes back through the sum.
template <typename T>
__global__ void softmax_kernel(GlobalPtr<const T> input, GlobalPtr<T> output, std::int64_t c,
                               std::int64_t inner) {
  wait_for_kernel_before();
  __shared__ SharedArray<float, kThreads / kWarpLanes> maxima;
  __shared__ SharedArray<float, kThreads / kWarpLanes> sums;
  const std::int64_t row = blockIdx.x;
  const std::int64_t first = row / inner * c * inner + row % inner;
  float largest = -INFINITY;
  for (std::int64_t i = threadIdx.x; in_bounds(i < c); i += kThreads) {
    largest = fmaxf(largest, load_float(input, first + i * inner));
  }
  largest = reduce_block<kThreads>(largest, maxima, Larger{});
  float sum = 0;
  for (std::int64_t i = threadIdx.x; in_bounds(i < c); i += kThreads) {
    sum += expf(load_float(input, first + i * inner) - largest);
  }
  sum = reduce_block<kThreads>(sum, sums, Sum{});
  for (std::int64_t i = threadIdx.x; in_bounds(i < c); i += kThreads) {
    const float e = expf(load_float(input, first + i * inner) - largest);
    output[first + i * inner] = from_float<T>(e / sum);
  }
}

// One thread a row, where the rows of a warp's threads lie side by side: the lanes read neighbours,
// and sum in the order of the classes.
template <typename T>
__global__ void softmax_columns_kernel(GlobalPtr<const T> input, GlobalPtr<T> output,
                                       std::int64_t c, std::int64_t inner, std::int64_t rows) {
  wait_for_kernel_before();
  const std::int64_t row = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!in_bounds(row < rows)) return;
  const std::int64_t first = row / inner * c * inner + row % inner;
  float largest = -INFINITY;
  for (std::int64_t i = 0; in_bounds(i < c); ++i) {
    largest = fmaxf(largest, load_float(input, first + i * inner));
  }
  float sum = 0;
  for (std::int64_t i = 0; in_bounds(i < c); ++i) {
    sum += expf(load_float(input, first + i * inner) - largest);
  }
  for (std::int64_t i = 0; in_bounds(i < c); ++i) {
    const float e = expf(load_float(input, first + i * inner) - largest);
    output[first + i * inner] = from_float<T>(e / sum);
  }
}

// A value and where it stands; index -1: none, behind everything.
struct Candidate {
  float value;
  int index;
};

// Whether a stands before b: NaN first, then falling values, then rising indices.
__device__ bool stands_before(const Candidate& a, const Candidate& b) {
  if (b.index < 0) return a.index >= 0;
  if (a.index < 0) return false;
  const bool a_nan = isnan(a.value), b_nan = isnan(b.value);
  if (a_nan != b_nan) return a_nan;
  if (!a_nan && a.value != b.value) return a.value > b.value;
  return a.index < b.index;
}

__device__ Candidate better(const Candidate& a, const Candidate& b) {
  return stands_before(b, a) ? b : a;
}

// The best of a warp, in every lane.
__device__ Candidate best_of_warp(Candidate best) {
  for (int distance = kWarpLanes / 2; distance > 0; distance /= 2) {
    const float value = __shfl_xor_sync(kAllLanes, best.value, distance);
    const int index = __shfl_xor_sync(kAllLanes, best.index, distance);
    best = better(best, {value, index});
  }
  return best;
}

// One block a row, one pass over the row for each place: the best of what stands behind the one
// found last. The row stays in L1; five of a thousand classes take some microseconds.
__global__ void topk_kernel(GlobalPtr<const float> input, GlobalPtr<float> values,
                            GlobalPtr<std::int64_t> indices, int c, int k) {
  wait_for_kernel_before();
  constexpr int kWarps = kThreads / kWarpLanes;
  // Two halves in turn: a pass may still be read while the next is written.
  __shared__ SharedArray<float, 2 * kWarps> warp_values;
  __shared__ SharedArray<int, 2 * kWarps> warp_indices;
  const std::int64_t row = blockIdx.x;
  Candidate last{0, -1};
  for (int place = 0; place < k; ++place) {
    Candidate best{0, -1};
    for (int i = static_cast<int>(threadIdx.x); in_bounds(i < c); i += kThreads) {
      const float value = input[row * c + i];
      const Candidate candidate{value, i};
      const bool is_left = last.index < 0 || stands_before(last, candidate);
      if (is_left) best = better(best, candidate);
    }
    best = best_of_warp(best);
    const int half = place % 2 * kWarps, warp = static_cast<int>(threadIdx.x) / kWarpLanes;
    if (threadIdx.x % kWarpLanes == 0) {
      warp_values[half + warp] = best.value;
      warp_indices[half + warp] = best.index;
    }
    __syncthreads();
    last = {0, -1};
    for (int i = 0; i < kWarps; ++i) {
      const float value = warp_values[half + i];
      const int index = warp_indices[half + i];
      last = better(last, {value, index});
    }
    if (threadIdx.x == 0) {
      values[row * k + place] = last.value;
      indices[row * k + place] = last.index;
    }
  }
}

}  // namespace

void softmax_forward(Stream& stream, Element element, std::int64_t outer, std::int64_t c,
                     std::int64_t inner, const void* input, void* output) {
  if (outer * c * inner == 0) return;
  with_element(element, [&](auto tag) {
    using T = decltype(tag);
    const T* const from = static_cast<const T*>(input);
    T* const to = static_cast<T*>(output);
    const std::int64_t rows = outer * inner;
    if (inner >= kWarpLanes) {
      launch({.kernel = "softmax_columns",
              .grid = blocks_for(rows, kThreads),
              .block = kThreads,
              .stream = stream},
             softmax_columns_kernel<T>, from, to, c, inner, rows);
    } else {
      launch(
          {.kernel = "softmax", .grid = blocks_for(rows, 1), .block = kThreads, .stream = stream},
          softmax_kernel<T>, from, to, c, inner);
    }
  });
}

void topk_forward(Stream& stream, std::int64_t rows, std::int64_t c, std::int64_t k,
                  const float* input, float* values, std::int64_t* indices) {
  if (rows == 0) return;
  launch(
      {.kernel = "topk", .grid = static_cast<unsigned>(rows), .block = kThreads, .stream = stream},
      topk_kernel, input, values, indices, static_cast<int>(c), static_cast<int>(k));
}

}  // namespace lamina::kernels::cuda
