// What is launched for a plan with wgmma, and the tensors that its copies move.
#include "kernels/cuda/conv2d_wgmma.cuh"

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

template <typename T, int kN, bool kChunked>
void launch_as(Stream& stream, const Conv2dProblem& p, const Conv2dPlan& plan, std::int64_t n,
               const ConvPointers& pointers) {
  const auto& conv = p.conv;
  const WgmmaShape shape = wgmma_shape(p, plan, n);
  const std::int64_t depth = conv.kh * conv.kw * p.stored();
  launch({.kernel = "conv2d_wgmma",
          .grid = static_cast<unsigned>(std::min(shape.tiles, plan.blocks)),
          .block = kWgmmaThreads,
          .smem_bytes = WgmmaMemory<T, kN>::kBytes,
          .stream = stream},
         conv2d_wgmma_kernel<T, kN, kChunked>, shape,
         pixel_map(pointers.input, n, conv.h, conv.w, p.stored(), plan.box),
         make_tensor_map(pointers.weight, {{depth, 2, kWgmmaDepth}, {conv.c_out, 2 * depth, kN}}),
         pixel_map(pointers.output, n, p.oh(), p.ow(), conv.c_out,
                   stored_box(plan.box, conv.max_pool_2x2)),
         Finish{pointers.bias, pointers.bias != nullptr, conv.relu}, pointers.partial);
}

template <typename T>
void launch_of(Stream& stream, const Conv2dProblem& p, const Conv2dPlan& plan, std::int64_t n,
               const ConvPointers& pointers) {
  const bool chunked = plan.k_chunks > 1 && !plan.split;
  if (plan.tile_n == 256) return launch_as<T, 256, false>(stream, p, plan, n, pointers);
  if (plan.tile_n == 128) {
    return chunked ? launch_as<T, 128, true>(stream, p, plan, n, pointers)
                   : launch_as<T, 128, false>(stream, p, plan, n, pointers);
  }
  chunked ? launch_as<T, 64, true>(stream, p, plan, n, pointers)
          : launch_as<T, 64, false>(stream, p, plan, n, pointers);
}

}  // namespace

void launch_conv2d_wgmma(Stream& stream, const Conv2dProblem& problem, const Conv2dPlan& plan,
                         std::int64_t n, const ConvPointers& pointers) {
  problem.precision == Precision::fp16
      ? launch_of<__half>(stream, problem, plan, n, pointers)
      : launch_of<__nv_bfloat16>(stream, problem, plan, n, pointers);
}

}  // namespace lamina::kernels::cuda
