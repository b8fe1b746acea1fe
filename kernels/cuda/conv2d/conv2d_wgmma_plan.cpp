#include "kernels/cuda/conv2d/conv2d_wgmma.h"

#include <algorithm>

namespace lamina::kernels::cuda {
namespace {

// Sums of small planes are made in chunks of such a depth, since at batch 1 there are too few
// tiles to keep a device at work: conv5 of VGG16 has 9 chunks. Large planes have one chunk, and
// tiles that leave no registers for a second set of sums.
constexpr std::int64_t kChunkDepth = 512, kMostPixelsOfChunks = 28 * 28;

// A linear layer is split always: 8 chunks of VGG16's rows of weights are 256 tiles.
constexpr std::int64_t kLinearChunks = 8;

int bytes_of_element(const Conv2dProblem& p) { return bytes_of(element_of(p.precision)); }
int depth_of(const Conv2dProblem& p) { return wgmma_depth(element_of(p.precision)); }

// What of the convolution's output is stored: pooling drops an odd last row or column.
std::int64_t stored_rows(const Conv2dProblem& p) {
  return p.conv.max_pool_2x2 ? p.oh() * 2 : p.oh();
}
std::int64_t stored_columns(const Conv2dProblem& p) {
  return p.conv.max_pool_2x2 ? p.ow() * 2 : p.ow();
}

std::int64_t boxes_of(const Conv2dProblem& p, const PixelBox& box) {
  return ceil_div(stored_columns(p), box.w) * ceil_div(stored_rows(p), box.h) *
         ceil_div(p.conv.n, box.n);
}

// Where pooling is fused, a window lies in one warp: in rows of 8 pixels one thread has both of a
// column, in shorter ones neighbouring lanes; and each warpgroup has whole windows.
bool may_be(const PixelBox& box, bool pooled) {
  if (!pooled) return true;
  const int rows_of_half = box.n > 1 ? box.h : box.h / 2;
  return box.w >= 2 && box.w <= 8 && rows_of_half >= 2;
}

// The box that wastes the least; of equals the widest, then the one of fewest images.
PixelBox choose_box(const Conv2dProblem& p) {
  PixelBox best;
  std::int64_t least = 0;
  for (int w = kWgmmaPixels; w >= 1; w /= 2) {
    for (int h = kWgmmaPixels / w; h >= 1; h /= 2) {
      const PixelBox box{.w = w, .h = h, .n = kWgmmaPixels / w / h};
      if (!may_be(box, p.conv.max_pool_2x2)) continue;
      const std::int64_t boxes = boxes_of(p, box);
      if (least > 0 && boxes >= least) continue;
      least = boxes;
      best = box;
    }
  }
  return best;
}

int channels_of_tile(const Conv2dProblem& p, std::int64_t boxes, bool chunked,
                     int multiprocessors) {
  for (const int channels : {256, 128}) {
    if (channels > 128 && chunked) continue;
    if (channels > p.conv.c_out) continue;
    if (boxes * ceil_div(p.conv.c_out, channels) >= multiprocessors) return channels;
  }
  return 64;
}

bool may_write(Element result, Precision precision) {
  if (result == element_of(precision)) return true;
  return (precision == Precision::fp8 && result == Element::bf16) ||
         (precision == Precision::bf16 && result == Element::e4m3);
}

// Two blocks share what they read of weights where that keeps as many multiprocessors at work and
// takes no more rounds: a box may be left over, and its neighbour has nothing to do then.
int cluster_of(std::int64_t boxes, std::int64_t tiles_c, int multiprocessors) {
  const std::int64_t clusters = multiprocessors / kWgmmaCluster;
  if (clusters == 0 || boxes / kWgmmaCluster * tiles_c < clusters) return 1;
  const std::int64_t rounds = ceil_div(ceil_div(boxes, kWgmmaCluster) * tiles_c, clusters);
  return rounds <= ceil_div(boxes * tiles_c, multiprocessors) ? kWgmmaCluster : 1;
}

// Steps of the whole depth; only a linear layer's may end within one.
std::int64_t steps_of(const Conv2dProblem& p) {
  return p.conv.kh * p.conv.kw * ceil_div(p.stored(), depth_of(p));
}

Conv2dPlan plan_of_tile(const Conv2dProblem& p, const DeviceProperties& device, const PixelBox& box,
                        int tile_n) {
  Conv2dPlan plan;
  plan.wgmma = plan.vectors = true;
  plan.box = box;
  plan.tile_m = kWgmmaPixels;
  plan.tile_n = tile_n;
  plan.tile_k = depth_of(p);
  plan.stages = wgmma_stages(tile_n);
  plan.blocks = device.multiprocessors;
  plan.packed_weight_bytes =
      p.conv.c_out * p.conv.kh * p.conv.kw * p.stored() * bytes_of_element(p);
  return plan;
}

// Weights are the product's rows, of which there are many, and images its columns: up to 8 of them
// cost what one does, which is reading the weights.
Conv2dPlan plan_linear(const Conv2dProblem& p, const DeviceProperties& device) {
  const std::int64_t steps = steps_of(p);
  int tile_n = 8;
  while (tile_n < std::min<std::int64_t>(p.conv.n, 256)) tile_n *= 2;
  Conv2dPlan plan = plan_of_tile(p, device, {.w = 1, .h = 1, .n = kWgmmaPixels}, tile_n);
  plan.swapped = plan.split = true;
  // No chunk is empty.
  plan.k_chunks =
      static_cast<int>(ceil_div(steps, ceil_div(steps, std::min(steps, kLinearChunks))));
  plan.workspace_bytes = plan.k_chunks * p.conv.c_out * wgmma_columns(p.conv.n) * 4;
  return plan;
}

}  // namespace

bool wgmma_is_legal(const Conv2dProblem& p, const DeviceProperties& device) {
  const auto& c = p.conv;
  if (device.compute_major != 9 || p.precision == Precision::fp32 || c.groups != 1) return false;
  const int vector = 16 / bytes_of_element(p);  // the copy engine's strides are whole vectors
  if (p.is_linear()) return p.stored() % vector == 0 && !c.max_pool_2x2;
  const int result_vector = 16 / bytes_of(p.output_element());
  return c.stride_h == 1 && c.stride_w == 1 && p.stored() % depth_of(p) == 0 &&
         c.c_out % result_vector == 0 && may_write(p.output_element(), p.precision);
}

Conv2dPlan plan_wgmma(const Conv2dProblem& p, const DeviceProperties& device) {
  if (p.is_linear()) return plan_linear(p, device);
  const std::int64_t plane = stored_rows(p) * stored_columns(p);
  const std::int64_t chunk_steps = kChunkDepth / depth_of(p);
  const int chunks =
      plane <= kMostPixelsOfChunks ? static_cast<int>(ceil_div(steps_of(p), chunk_steps)) : 1;
  const PixelBox box = choose_box(p);
  const std::int64_t boxes = boxes_of(p, box);
  int tile_n = channels_of_tile(p, boxes, chunks > 1, device.multiprocessors);
  const auto is_split = [&] {
    return chunks > 1 && boxes * ceil_div(p.conv.c_out, tile_n) < device.multiprocessors;
  };
  // 128 bytes of a tile's channels are stored at once, unless its float32 sums are.
  if (p.output_element() == Element::e4m3 && tile_n == 64 && !is_split()) tile_n = 128;
  Conv2dPlan plan = plan_of_tile(p, device, box, tile_n);
  plan.k_chunks = chunks;
  plan.split = is_split();
  const std::int64_t tiles_c = ceil_div(p.conv.c_out, tile_n);
  if (!plan.split) plan.cluster = cluster_of(boxes, tiles_c, device.multiprocessors);
  plan.blocks -= plan.blocks % plan.cluster;
  if (plan.split) plan.workspace_bytes = chunks * p.conv.n * plane * p.conv.c_out * 4;
  return plan;
}

WgmmaShape wgmma_shape(const Conv2dProblem& problem, const Conv2dPlan& plan, std::int64_t n) {
  Conv2dProblem p = problem;
  p.conv.n = n;
  if (plan.swapped) {  // rows of weights are images of one pixel, images are channels
    p.conv.n = problem.conv.c_out;
    p.conv.c_out = wgmma_columns(n);
  }
  const auto& conv = p.conv;
  const auto narrow = [](std::int64_t value) { return static_cast<int>(value); };
  const std::int64_t steps = steps_of(p);
  WgmmaShape s{.box = plan.box,
               .tiles_x = narrow(ceil_div(stored_columns(p), plan.box.w)),
               .tiles_y = narrow(ceil_div(stored_rows(p), plan.box.h)),
               .tiles_n = narrow(ceil_div(conv.n, plan.box.n)),
               .tiles_c = narrow(ceil_div(conv.c_out, plan.tile_n)),
               .tiles = 0,
               .n = narrow(conv.n),
               .oh = narrow(stored_rows(p)),
               .ow = narrow(stored_columns(p)),
               .c_out = narrow(conv.c_out),
               .kw = narrow(conv.kw),
               .pad_h = narrow(conv.pad_h),
               .pad_w = narrow(conv.pad_w),
               .dilation_h = narrow(conv.dilation_h),
               .dilation_w = narrow(conv.dilation_w),
               .depth_steps = narrow(ceil_div(p.stored(), depth_of(p))),
               .steps = narrow(steps),
               .chunk_steps = narrow(ceil_div(steps, plan.k_chunks)),
               .k_chunks = plan.k_chunks,
               .m = narrow(conv.n * stored_rows(p) * stored_columns(p)),
               .split = plan.split,
               .pooled = conv.max_pool_2x2,
               .swapped = plan.swapped,
               .paired = plan.cluster == kWgmmaCluster};
  const std::int64_t boxes = std::int64_t{s.tiles_x} * s.tiles_y * s.tiles_n;
  s.tiles = narrow(ceil_div(boxes, plan.cluster) * s.tiles_c * (plan.split ? plan.k_chunks : 1));
  return s;
}

}  // namespace lamina::kernels::cuda
