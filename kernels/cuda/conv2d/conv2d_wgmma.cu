// What is launched for a plan with wgmma, and the tensors that its copies move.
#include "kernels/cuda/conv2d/conv2d_wgmma.cuh"

#include <algorithm>

namespace lamina::kernels::cuda {
namespace {

// [n, h, w, c], in boxes of 128 bytes of channels.
TensorMap pixel_map(Element element, const void* data, std::int64_t n, std::int64_t h,
                    std::int64_t w, std::int64_t c, const PixelBox& box) {
  const int bytes = bytes_of(element);
  const std::int64_t pixel = bytes * c;
  return make_tensor_map(data, {{c, bytes, wgmma_depth(element)},
                                {w, pixel, box.w},
                                {h, pixel * w, box.h},
                                {n, pixel * w * h, box.n}});
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
  const Element element = element_of(p.precision);
  const int bytes = bytes_of(element);
  const std::int64_t depth = conv.kh * conv.kw * p.stored();
  const auto matrix = [&](const void* data, std::int64_t rows) {
    return make_tensor_map(data, {{depth, bytes, wgmma_depth(element)},
                                  {rows, bytes * depth, plan.tile_n / plan.cluster}});
  };
  if (plan.swapped) {
    const TensorMap rows = pixel_map(element, pointers.weight, conv.c_out, 1, 1, depth, plan.box);
    return {rows, matrix(pointers.input, n), rows};  // all of it goes through the workspace
  }
  return {pixel_map(element, pointers.input, n, conv.h, conv.w, p.stored(), plan.box),
          matrix(pointers.weight, conv.c_out),
          pixel_map(p.output_element(), pointers.output, n, p.oh(), p.ow(), conv.c_out,
                    stored_box(plan.box, conv.max_pool_2x2))};
}

template <typename T, typename Out, int kN, bool kChunked>
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
         conv2d_wgmma_kernel<T, Out, kN, kChunked>, shape, maps.pixels, maps.weights, maps.output,
         finish_of(pointers, p.conv.relu), pointers.partial);
}

template <typename T, typename Out>
void launch_of(Stream& stream, const Conv2dProblem& p, const Conv2dPlan& plan, std::int64_t n,
               const ConvPointers& pointers) {
  const bool chunked = plan.k_chunks > 1 && !plan.split;
  switch (plan.tile_n) {
    case 8: return launch_as<T, Out, 8, false>(stream, p, plan, n, pointers);
    case 16: return launch_as<T, Out, 16, false>(stream, p, plan, n, pointers);
    case 32: return launch_as<T, Out, 32, false>(stream, p, plan, n, pointers);
    case 64:
      return chunked ? launch_as<T, Out, 64, true>(stream, p, plan, n, pointers)
                     : launch_as<T, Out, 64, false>(stream, p, plan, n, pointers);
    case 128:
      return chunked ? launch_as<T, Out, 128, true>(stream, p, plan, n, pointers)
                     : launch_as<T, Out, 128, false>(stream, p, plan, n, pointers);
    case 256: return launch_as<T, Out, 256, false>(stream, p, plan, n, pointers);
    default: break;
  }
}

}  // namespace

void launch_conv2d_wgmma(Stream& stream, const Conv2dProblem& problem, const Conv2dPlan& plan,
                         std::int64_t n, const ConvPointers& pointers) {
  const auto launch_with = [&]<typename T, typename Out>(T, Out) {
    launch_of<T, Out>(stream, problem, plan, n, pointers);
  };
  const Element result = problem.output_element();
  switch (problem.precision) {
    case Precision::fp32: return;  // not legal
    case Precision::tf32: return launch_with(Tf32(), Tf32());
    case Precision::fp16: return launch_with(__half(), __half());
    case Precision::bf16:
      return result == Element::e4m3 ? launch_with(__nv_bfloat16(), E4m3())
                                     : launch_with(__nv_bfloat16(), __nv_bfloat16());
    case Precision::fp8:
      return result == Element::e4m3 ? launch_with(E4m3(), E4m3())
                                     : launch_with(E4m3(), __nv_bfloat16());
  }
}

}  // namespace lamina::kernels::cuda
