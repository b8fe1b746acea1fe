// conv2d_forward(): parts of a batch, the precision's kernel, and the sum of split chunks.
#include "kernels/cuda/conv2d/conv2d.h"

#include "kernels/cuda/conv2d/conv2d_kernel.cuh"
#include "kernels/cuda/conv2d/conv2d_wgmma.h"

#include <algorithm>

namespace lamina::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// The chunks' sums [k_chunks, m, c_out], added in their order, then what the convolution would have
// done with them. Memory bounds it: each sum is read once, a warp's reads lie in a row.
template <typename T>
__global__ void add_chunks_kernel(ConvShape shape, GlobalPtr<const float> partial, Finish finish,
                                  GlobalPtr<T> output, std::int64_t count) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!in_bounds(i < count)) return;
  const std::int64_t row = i / shape.c_out;
  const int channel = static_cast<int>(i % shape.c_out);
  const int rows = shape.pooled ? 4 : 1;
  float result = 0;
  for (int r = 0; r < rows; ++r) {
    float sum = 0;
    for (int chunk = 0; chunk < shape.k_chunks; ++chunk) {
      const std::int64_t at = (std::int64_t{chunk} * shape.m + row * rows + r) * shape.c_out;
      const float value = partial[at + channel];
      sum += value;
    }
    result = r == 0 ? sum : larger_or_nan(result, sum);
  }
  output[i] = from_float<T>(finish(result, channel));
}

// The same for sums [k_chunks, c_out, columns] of a swapped plan, images being columns.
template <typename T>
__global__ void add_columns_kernel(WgmmaShape shape, GlobalPtr<const float> partial, Finish finish,
                                   GlobalPtr<T> output, std::int64_t count) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!in_bounds(i < count)) return;
  const std::int64_t image = i / shape.m;
  const int channel = static_cast<int>(i % shape.m);
  float sum = 0;
  for (int chunk = 0; chunk < shape.k_chunks; ++chunk) {
    const float value = partial[(std::int64_t{chunk} * shape.m + channel) * shape.c_out + image];
    sum += value;
  }
  output[i] = from_float<T>(finish(sum, channel));
}

void add_columns(Stream& stream, const WgmmaShape& shape, std::int64_t n, Element element,
                 const ConvPointers& pointers) {
  const std::int64_t count = n * shape.m;
  with_element(element, [&](auto tag) {
    using T = decltype(tag);
    launch({.kernel = "add_columns",
            .grid = blocks_for(count, kThreads),
            .block = kThreads,
            .stream = stream},
           add_columns_kernel<T>, shape, static_cast<const float*>(pointers.partial),
           Finish{pointers.bias, pointers.bias != nullptr, shape.relu},
           static_cast<T*>(pointers.output), count);
  });
}

void add_chunks(Stream& stream, const ConvShape& shape, Element element,
                const ConvPointers& pointers) {
  const std::int64_t rows = shape.pooled ? shape.m / 4 : shape.m;
  const std::int64_t count = rows * shape.c_out;
  with_element(shape.f32_output ? Element::f32 : element, [&](auto tag) {
    using T = decltype(tag);
    launch({.kernel = "add_chunks",
            .grid = blocks_for(count, kThreads),
            .block = kThreads,
            .stream = stream},
           add_chunks_kernel<T>, shape, static_cast<const float*>(pointers.partial),
           Finish{pointers.bias, pointers.bias != nullptr, shape.relu},
           static_cast<T*>(pointers.output), count);
  });
}

void launch_product(Stream& stream, Precision precision, const ConvShape& shape,
                    const Conv2dPlan& plan, const ConvPointers& pointers) {
  switch (precision) {
    case Precision::fp32: return launch_conv2d_fp32(stream, shape, plan, pointers);
    case Precision::tf32: return launch_conv2d_tf32(stream, shape, plan, pointers);
    case Precision::fp16: return launch_conv2d_fp16(stream, shape, plan, pointers);
    case Precision::bf16: return launch_conv2d_bf16(stream, shape, plan, pointers);
  }
}

}  // namespace

void conv2d_forward(Stream& stream, const Conv2dProblem& problem, const Conv2dPlan& plan,
                    const Conv2dArgs& args) {
  const Element element = element_of(problem.precision);
  const auto& conv = problem.conv;
  const std::int64_t input_bytes = conv.h * conv.w * problem.stored() * bytes_of(element);
  const std::int64_t output_bytes =
      problem.oh() * problem.ow() * conv.c_out * (problem.f32_output ? 4 : bytes_of(element));
  const std::int64_t step = images_per_launch(problem);
  for (std::int64_t first = 0; first < conv.n; first += step) {
    const ConvShape shape = conv_shape(problem, plan, std::min(step, conv.n - first));
    const ConvPointers pointers{
        .input = static_cast<const char*>(args.input) + first * input_bytes,
        .weight = args.weight,
        .bias = args.bias,
        .output = static_cast<char*>(args.output) + first * output_bytes,
        .partial = plan.split ? static_cast<float*>(args.workspace) : nullptr};
    plan.wgmma ? launch_conv2d_wgmma(stream, problem, plan, shape.n, pointers)
               : launch_product(stream, problem.precision, shape, plan, pointers);
    if (plan.swapped) {
      add_columns(stream, wgmma_shape(problem, plan, shape.n), shape.n,
                  shape.f32_output ? Element::f32 : element, pointers);
    } else if (plan.split) {
      add_chunks(stream, shape, element, pointers);
    }
  }
}

}  // namespace lamina::kernels::cuda
