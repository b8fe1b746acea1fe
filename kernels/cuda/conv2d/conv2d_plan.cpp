// Which tile, how many chunks, and whether they are split: plain arithmetic, no device.
#include <lamina/core/error.h>

#include "kernels/cuda/conv2d/conv2d_shape.h"
#include "kernels/cuda/conv2d/conv2d_wgmma.h"

#include <algorithm>

namespace lamina::kernels::cuda {
namespace {

constexpr std::int64_t kVector = 16;  // bytes

// A chunk is about this deep (bytes of a row of the product): deep enough that adding its sums
// costs nothing, short enough that a layer of 14x14 pixels at batch 1 and a classifier's rows give
// blocks to all multiprocessors of a large device: conv5 of VGG16 in bf16 has 4, its first linear
// layer 22.
constexpr std::int64_t kChunkBytes = 2304;
// More chunks than these only add traffic.
constexpr std::int64_t kMostChunks = 32;

struct Tile {
  int m, n, stages;
};
constexpr Tile kLarge{128, 128, 4}, kNarrow{128, 64, 4}, kSmall{64, 64, 4}, kFlat{16, 128, 6};

std::int64_t rows_of(const Conv2dProblem& p) {
  return p.conv.n * p.oh() * p.ow() * (p.conv.max_pool_2x2 ? 4 : 1);
}

std::int64_t depth_of(const Conv2dProblem& p) {
  return p.conv.kh * p.conv.kw * (p.stored() / p.conv.groups);
}

int tile_depth(const Conv2dProblem& p) {
  return kTileDepthBytes / bytes_of(element_of(p.precision));
}

std::int64_t blocks_of(const Conv2dProblem& p, const Tile& tile) {
  return ceil_div(rows_of(p), tile.m) * ceil_div(p.conv.c_out / p.conv.groups, tile.n) *
         p.conv.groups;
}

int chunks_of(const Conv2dProblem& p) {
  const std::int64_t bytes = depth_of(p) * bytes_of(element_of(p.precision));
  const std::int64_t tiles = ceil_div(depth_of(p), tile_depth(p));
  const std::int64_t wanted = std::clamp<std::int64_t>(bytes / kChunkBytes, 1, kMostChunks);
  // Whole tiles a chunk, and no chunk without tiles.
  return static_cast<int>(ceil_div(tiles, ceil_div(tiles, wanted)));
}

// Large tiles read the least, but 64 channels fill only half of one. Where these two would leave
// multiprocessors without work, small ones have more blocks. Rows up to 16 are a linear layer's:
// flat tiles stream its weights.
Tile tile_for(const Conv2dProblem& p, const DeviceProperties& device) {
  if (rows_of(p) <= kFlat.m && !p.conv.max_pool_2x2) return kFlat;
  const Tile& tall = p.conv.c_out / p.conv.groups <= kNarrow.n ? kNarrow : kLarge;
  return blocks_of(p, tall) >= device.multiprocessors ? tall : kSmall;
}

}  // namespace

Conv2dPlan plan_conv2d(const Conv2dProblem& problem, const DeviceProperties& device) {
  if (problem.may_wgmma && wgmma_is_legal(problem, device)) return plan_wgmma(problem, device);
  if (problem.precision == Precision::fp8 || problem.output == Element::e4m3) {
    throw Unsupported("[conv2d] fp8 needs Hopper's tensor cores, and what they take");
  }
  const int bytes = bytes_of(element_of(problem.precision));
  Conv2dPlan plan;
  plan.vectors = problem.stored() / problem.conv.groups * bytes % kVector == 0;
  const Tile tile = plan.vectors ? tile_for(problem, device) : kSmall;
  plan.tile_m = tile.m;
  plan.tile_n = tile.n;
  plan.tile_k = tile_depth(problem);
  plan.stages = tile.stages;
  plan.k_chunks = chunks_of(problem);
  // Two blocks for each multiprocessor keep its memory busy.
  plan.split = plan.k_chunks > 1 && blocks_of(problem, tile) < 2 * device.multiprocessors;
  plan.packed_weight_bytes = problem.conv.c_out * depth_of(problem) * bytes;
  if (plan.split) {
    plan.workspace_bytes = plan.k_chunks * rows_of(problem) * problem.conv.c_out * 4;
  }
  return plan;
}

std::string to_string(const Conv2dProblem& problem, const Conv2dPlan& plan) {
  constexpr const char* kNames[] = {"fp32", "tf32", "fp16", "bf16", "fp8"};
  std::string text = plan.wgmma ? "wgmma " : "implicit_gemm ";
  text += kNames[static_cast<int>(problem.precision)];
  if (problem.output == Element::e4m3 && problem.precision != Precision::fp8) text += " to fp8";
  const char* separator = " ";
  for (const int size : {plan.tile_m, plan.tile_n, plan.tile_k}) {
    text += separator + std::to_string(size);
    separator = "x";
  }
  text += ", " + std::to_string(plan.stages) + " stages";
  if (!plan.vectors) text += ", by elements";
  if (plan.swapped) text += ", weights as rows";
  if (plan.wgmma && !plan.swapped) {
    text += ", boxes of " + std::to_string(plan.box.w) + "x" + std::to_string(plan.box.h) + "x" +
            std::to_string(plan.box.n);
  }
  if (plan.cluster > 1) text += ", cluster " + std::to_string(plan.cluster);
  if (plan.k_chunks > 1) {
    text += ", " + std::to_string(plan.k_chunks) + " chunks" + (plan.split ? " split" : "");
  }
  return text;
}

ConvShape conv_shape(const Conv2dProblem& problem, const Conv2dPlan& plan, std::int64_t n) {
  const auto& conv = problem.conv;
  const auto narrow = [](std::int64_t value) { return static_cast<int>(value); };
  Conv2dProblem part = problem;
  part.conv.n = n;
  const std::int64_t tiles = ceil_div(depth_of(part), plan.tile_k);
  return {.n = narrow(n),
          .h = narrow(conv.h),
          .w = narrow(conv.w),
          .c = narrow(problem.stored()),
          .c_group = narrow(problem.stored() / conv.groups),
          .oh = narrow(conv.oh()),
          .ow = narrow(conv.ow()),
          .kh = narrow(conv.kh),
          .kw = narrow(conv.kw),
          .stride_h = narrow(conv.stride_h),
          .stride_w = narrow(conv.stride_w),
          .pad_h = narrow(conv.pad_h),
          .pad_w = narrow(conv.pad_w),
          .dilation_h = narrow(conv.dilation_h),
          .dilation_w = narrow(conv.dilation_w),
          .c_out = narrow(conv.c_out),
          .c_out_group = narrow(conv.c_out / conv.groups),
          .m = narrow(rows_of(part)),
          .k = narrow(depth_of(part)),
          .k_tiles = narrow(tiles),
          .chunk_tiles = narrow(ceil_div(tiles, plan.k_chunks)),
          .k_chunks = plan.k_chunks,
          .relu = conv.relu,
          .pooled = problem.conv.max_pool_2x2,
          .f32_output = problem.output_element() == Element::f32};
}

std::int64_t images_per_launch(const Conv2dProblem& problem) {
  // Half of what 32 bits hold leaves room for windows that begin outside and for a tile's edge.
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const auto& conv = problem.conv;
  const std::int64_t image = std::max(
      {conv.h * conv.w * problem.stored(), conv.oh() * conv.ow() * conv.c_out, std::int64_t{1}});
  if (image > kMost || conv.c_out * depth_of(problem) > kMost) {
    throw Unsupported("[conv2d] an image of " + std::to_string(image) + " values or a weight of " +
                      std::to_string(conv.c_out * depth_of(problem)) +
                      " is too large for the CUDA kernels: they count to " + std::to_string(kMost));
  }
  return kMost / image;
}

}  // namespace lamina::kernels::cuda
