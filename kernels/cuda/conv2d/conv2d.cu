// conv2d_forward(): parts of a batch, the precision's kernel, and the sum of split chunks.
#include "kernels/cuda/conv2d/conv2d.h"

#include "kernels/cuda/conv2d/conv2d_kernel.cuh"
#include "kernels/cuda/conv2d/conv2d_wgmma.h"

#include <algorithm>

namespace lamina::kernels::cuda {
namespace {

constexpr int kThreads = 256;

// Where sums of chunks lie: [k_chunks, m, c_out], or [k_chunks, c_out, columns] where the product
// was swapped, images being columns.
struct ChunkSums {
  std::int64_t chunk_stride, row_stride, channel_stride;  // floats
};

ChunkSums chunk_sums(const ConvShape& shape, bool swapped) {
  if (!swapped) return {std::int64_t{shape.m} * shape.c_out, shape.c_out, 1};
  const std::int64_t columns = wgmma_columns(shape.n);
  return {shape.c_out * columns, 1, columns};
}

// The chunks' sums added in their order, then what the convolution would have done with them.
// Memory bounds it: each sum is read once, a warp's reads lie in a row where the product was not
// swapped.
template <typename T>
__global__ void add_chunks_kernel(ConvShape shape, ChunkSums sums, GlobalPtr<const float> partial,
                                  Finish finish, GlobalPtr<T> output, std::int64_t count) {
  wait_for_kernel_before();
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (!in_bounds(i < count)) return;
  const std::int64_t row = i / shape.c_out;
  const int channel = static_cast<int>(i % shape.c_out);
  const int rows = shape.pooled ? 4 : 1;
  float result = 0;
  for (int r = 0; r < rows; ++r) {
    float sum = 0;
    const std::int64_t at = (row * rows + r) * sums.row_stride + channel * sums.channel_stride;
    for (int chunk = 0; chunk < shape.k_chunks; ++chunk) {
      const float value = partial[chunk * sums.chunk_stride + at];
      sum += value;
    }
    result = r == 0 ? sum : larger_or_nan(result, sum);
  }
  output[i] = from_float<T>(finish(result, channel));
}

void add_chunks(Stream& stream, const ConvShape& shape, const ChunkSums& sums, Element element,
                const ConvPointers& pointers) {
  const std::int64_t rows = shape.pooled ? shape.m / 4 : shape.m;
  const std::int64_t count = rows * shape.c_out;
  with_any_element(element, [&](auto tag) {
    using T = decltype(tag);
    launch({.kernel = "add_chunks",
            .grid = blocks_for(count, kThreads),
            .block = kThreads,
            .stream = stream},
           add_chunks_kernel<T>, shape, sums, static_cast<const float*>(pointers.partial),
           finish_of(pointers, shape.relu), static_cast<T*>(pointers.output), count);
  });
}

void launch_product(Stream& stream, Precision precision, const ConvShape& shape,
                    const Conv2dPlan& plan, const ConvPointers& pointers) {
  switch (precision) {
    case Precision::fp32: return launch_conv2d_fp32(stream, shape, plan, pointers);
    case Precision::tf32: return launch_conv2d_tf32(stream, shape, plan, pointers);
    case Precision::fp16: return launch_conv2d_fp16(stream, shape, plan, pointers);
    case Precision::bf16: return launch_conv2d_bf16(stream, shape, plan, pointers);
    case Precision::fp8: break;  // has no such plan
  }
}

}  // namespace

void conv2d_forward(Stream& stream, const Conv2dProblem& problem, const Conv2dPlan& plan,
                    const Conv2dArgs& args) {
  const Element element = element_of(problem.precision);
  const auto& conv = problem.conv;
  const std::int64_t input_bytes = conv.h * conv.w * problem.stored() * bytes_of(element);
  const std::int64_t output_bytes =
      problem.oh() * problem.ow() * conv.c_out * bytes_of(problem.output_element());
  const std::int64_t step = images_per_launch(problem);
  for (std::int64_t first = 0; first < conv.n; first += step) {
    const ConvShape shape = conv_shape(problem, plan, std::min(step, conv.n - first));
    const ConvPointers pointers{
        .input = static_cast<const char*>(args.input) + first * input_bytes,
        .weight = args.weight,
        .bias = args.bias,
        .output = static_cast<char*>(args.output) + first * output_bytes,
        .partial = plan.split ? static_cast<float*>(args.workspace) : nullptr,
        .scale = args.scale};
    plan.wgmma ? launch_conv2d_wgmma(stream, problem, plan, shape.n, pointers)
               : launch_product(stream, problem.precision, shape, plan, pointers);
    if (plan.split) {
      add_chunks(stream, shape, chunk_sums(shape, plan.swapped), problem.output_element(),
                 pointers);
    }
  }
}

}  // namespace lamina::kernels::cuda
