#include "kernels/cuda/preprocess.h"

#include "kernels/cuda/element.cuh"
#include "kernels/cuda/launch.cuh"

namespace lamina::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kChannels = 3;
constexpr int kFractionBits = 22;
constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

struct Axis {
  GlobalPtr<const std::int32_t> first, count, weights;
  std::int64_t taps;
};

Axis axis_of(const ResizeAxis& axis) { return {axis.first, axis.count, axis.weights, axis.taps}; }

// Output `i` of the axis: `at` is where the line's first input lies, `step` the distance of its
// inputs. Each channel is rounded to 8 bits, as Pillow does between its passes.
__device__ void resize_pixel(GlobalPtr<const std::uint8_t> input, const Axis& axis, std::int64_t i,
                             std::int64_t at, std::int64_t step, std::uint8_t (&pixel)[kChannels]) {
  const std::int32_t first = axis.first[i], count = axis.count[i];
  std::int32_t sums[kChannels] = {kHalf, kHalf, kHalf};
  for (std::int32_t tap = 0; tap < count; ++tap) {
    const std::int32_t weight = axis.weights[i * axis.taps + tap];
    for (int c = 0; c < kChannels; ++c) {
      const std::uint8_t value = input[at + (first + tap) * step + c];
      sums[c] += value * weight;
    }
  }
  for (int c = 0; c < kChannels; ++c) {
    const std::int32_t value = sums[c] >> kFractionBits;
    pixel[c] = static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
  }
}

// The first pass: `lines` lines of `axis.out` pixels each. Pixel i of line j is written where the
// same axis keeps its place: [lines][out][3] for columns, [out][lines][3] for rows.
__global__ void first_pass_kernel(GlobalPtr<const std::uint8_t> input,
                                  GlobalPtr<std::uint8_t> output, Axis axis, std::int64_t out,
                                  std::int64_t lines, std::int64_t in, bool is_rows) {
  wait_for_kernel_before();
  const std::int64_t thread = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!in_bounds(thread < out * lines)) return;
  // Neighbouring threads take neighbouring pixels of a row, whichever axis is resized.
  const std::int64_t i = is_rows ? thread / lines : thread % out;
  const std::int64_t line = is_rows ? thread % lines : thread / out;
  std::uint8_t pixel[kChannels];
  resize_pixel(input, axis, i, (is_rows ? line : line * in) * kChannels,
               (is_rows ? lines : 1) * kChannels, pixel);
  for (int c = 0; c < kChannels; ++c) output[thread * kChannels + c] = pixel[c];
}

struct Normalisation {
  float mean[kChannels], std[kChannels];
};

struct Frame {
  std::int64_t w, h, left, top, inner_w, inner_h;
  Layout layout;
  std::int64_t c_stored;
};

// The second pass, then (value / 255 - mean) / std, in the order and rounding of the processor's.
// Around the picture is black.
template <typename T>
__global__ void second_pass_kernel(GlobalPtr<const std::uint8_t> input, GlobalPtr<T> output,
                                   Axis axis, bool is_rows, Frame frame, std::int64_t in,
                                   Normalisation normal) {
  wait_for_kernel_before();
  const std::int64_t thread = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!in_bounds(thread < frame.w * frame.h)) return;
  const std::int64_t x = thread % frame.w - frame.left, y = thread / frame.w - frame.top;
  std::uint8_t pixel[kChannels] = {0, 0, 0};
  if (in_bounds(x >= 0 && x < frame.inner_w && y >= 0 && y < frame.inner_h)) {
    const std::int64_t at = is_rows ? x : y * in;
    resize_pixel(input, axis, is_rows ? y : x, at * kChannels,
                 (is_rows ? frame.inner_w : 1) * kChannels, pixel);
  }
  const bool nhwc = frame.layout == Layout::nhwc;
  const std::int64_t first = nhwc ? thread * frame.c_stored : thread;
  const std::int64_t step = nhwc ? 1 : frame.w * frame.h;
  for (int c = 0; c < kChannels; ++c) {
    const float value = static_cast<float>(pixel[c]) / 255.0f;
    output[first + c * step] = from_float<T>((value - normal.mean[c]) / normal.std[c]);
  }
  for (std::int64_t c = kChannels; nhwc && c < frame.c_stored; ++c) {
    output[first + c] = from_float<T>(0.0f);
  }
}

}  // namespace

std::int64_t preprocess_workspace_bytes(const PreprocessProblem& problem) {
  return kChannels * (problem.rows_first ? problem.rows.out * problem.columns.in
                                         : problem.rows.in * problem.columns.out);
}

void preprocess(Stream& stream, const PreprocessProblem& p, const std::uint8_t* input, void* output,
                void* workspace) {
  const ResizeAxis& first = p.rows_first ? p.rows : p.columns;
  const ResizeAxis& second = p.rows_first ? p.columns : p.rows;
  const std::int64_t lines = p.rows_first ? p.columns.in : p.rows.in;
  auto* const between = static_cast<std::uint8_t*>(workspace);
  launch({.kernel = "resize_first_pass",
          .grid = blocks_for(first.out * lines, kThreads),
          .block = kThreads,
          .stream = stream},
         first_pass_kernel, input, between, axis_of(first), first.out, lines, first.in,
         p.rows_first);
  const Format& format = p.output;
  const Frame frame{.w = p.w,
                    .h = p.h,
                    .left = p.left,
                    .top = p.top,
                    .inner_w = p.columns.out,
                    .inner_h = p.rows.out,
                    .layout = format.layout,
                    .c_stored = format.c_stored > 0 ? format.c_stored : kChannels};
  Normalisation normal{};
  for (int c = 0; c < kChannels; ++c) {
    normal.mean[c] = p.mean[c];
    normal.std[c] = p.std[c];
  }
  with_element(format.element, [&](auto tag) {
    using T = decltype(tag);
    launch({.kernel = "resize_second_pass",
            .grid = blocks_for(p.w * p.h, kThreads),
            .block = kThreads,
            .stream = stream},
           second_pass_kernel<T>, between, static_cast<T*>(output), axis_of(second), !p.rows_first,
           frame, second.in, normal);
  });
}

}  // namespace lamina::kernels::cuda
