// What is launched for a plan with wgmma, and the tensors that its copies move.
#include "kernels/cuda/conv2d/conv2d_wgmma.cuh"

#include <algorithm>

namespace lamina::kernels::cuda {
namespace {

// [n, h, w, c], in boxes of 64 channels.
TensorMap pixel_map(const void* data, std::int64_t n, std::int64_t h, std::int64_t w,
                    std::int64_t c, const PixelBox& box) {
  return make_tensor_map(
      data,
      {{c, 2, kWgmmaDepth}, {w, 2 * c, box.w}, {h, 2 * c * w, box.h}, {n, 2 * c * w * h, box.n}});
}

// What each consumer stores: half of a tile, of pooled pixels where they are pooled.
PixelBox stored_box(PixelBox box, bool pooled) {
  (box.n > 1 ? box.n : box.h > 1 ? box.h : box.w) /= 2;
  if (pooled) {
    box.w /= 2;
    box.h /= 2;
  }
  return box;
}

struct Maps {
  TensorMap pixels, weights, output;
};

Maps maps_of(const Conv2dProblem& p, const Conv2dPlan& plan, std::int64_t n,
             const ConvPointers& pointers) {
  const auto& conv = p.conv;
  const std::int64_t depth = conv.kh * conv.kw * p.stored();
  const auto matrix = [&](const void* data, std::int64_t rows) {
    return make_tensor_map(
        data, {{depth, 2, kWgmmaDepth}, {rows, 2 * depth, plan.tile_n / plan.cluster}});
  };
  if (plan.swapped) {
    const TensorMap rows = pixel_map(pointers.weight, conv.c_out, 1, 1, depth, plan.box);
    return {rows, matrix(pointers.input, n), rows};  // all of it goes through the workspace
  }
  return {pixel_map(pointers.input, n, conv.h, conv.w, p.stored(), plan.box),
          matrix(pointers.weight, conv.c_out),
          pixel_map(pointers.output, n, p.oh(), p.ow(), conv.c_out,
                    stored_box(plan.box, conv.max_pool_2x2))};
}

template <typename T, int kN, bool kChunked>
void launch_as(Stream& stream, const Conv2dProblem& p, const Conv2dPlan& plan, std::int64_t n,
               const ConvPointers& pointers) {
  const WgmmaShape shape = wgmma_shape(p, plan, n);
  const Maps maps = maps_of(p, plan, n, pointers);
  launch({.kernel = "conv2d_wgmma",
          .grid = static_cast<unsigned>(std::min(shape.tiles, plan.blocks / plan.cluster) *
                                        plan.cluster),
          .block = kWgmmaThreads,
          .smem_bytes = WgmmaMemory<T, kN>::kBytes,
          .cluster = plan.cluster,
          .stream = stream},
         conv2d_wgmma_kernel<T, kN, kChunked>, shape, maps.pixels, maps.weights, maps.output,
         Finish{pointers.bias, pointers.bias != nullptr, p.conv.relu}, pointers.partial);
}

template <typename T>
void launch_of(Stream& stream, const Conv2dProblem& p, const Conv2dPlan& plan, std::int64_t n,
               const ConvPointers& pointers) {
  const bool chunked = plan.k_chunks > 1 && !plan.split;
  switch (plan.tile_n) {
    case 8: return launch_as<T, 8, false>(stream, p, plan, n, pointers);
    case 16: return launch_as<T, 16, false>(stream, p, plan, n, pointers);
    case 32: return launch_as<T, 32, false>(stream, p, plan, n, pointers);
    case 64:
      return chunked ? launch_as<T, 64, true>(stream, p, plan, n, pointers)
                     : launch_as<T, 64, false>(stream, p, plan, n, pointers);
    case 128:
      return chunked ? launch_as<T, 128, true>(stream, p, plan, n, pointers)
                     : launch_as<T, 128, false>(stream, p, plan, n, pointers);
    case 256: return launch_as<T, 256, false>(stream, p, plan, n, pointers);
    default: break;
  }
}

}  // namespace

void launch_conv2d_wgmma(Stream& stream, const Conv2dProblem& problem, const Conv2dPlan& plan,
                         std::int64_t n, const ConvPointers& pointers) {
  problem.precision == Precision::fp16
      ? launch_of<__half>(stream, problem, plan, n, pointers)
      : launch_of<__nv_bfloat16>(stream, problem, plan, n, pointers);
}

}  // namespace lamina::kernels::cuda
