// Convolutions on Hopper's tensor cores (wgmma, sm_90a), fed by the copy engine: which problems
// they take, and how the work is cut. Plain arithmetic, no device.
// docs/kernels/cuda-wgmma.md
#pragma once

#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/conv2d/conv2d_shape.h"

namespace lamina::kernels::cuda {

/// A block's tile has so many pixels; two warpgroups have half of them each.
inline constexpr int kWgmmaPixels = 128;
/// A row of a tile is a step along k, 128 bytes, which is what the swizzle spans: so many channels.
inline constexpr int kWgmmaRowBytes = 128;
constexpr int wgmma_depth(Element element) { return kWgmmaRowBytes / bytes_of(element); }

/// Blocks of a cluster, where there are clusters.
inline constexpr int kWgmmaCluster = 2;

/// Stages of a ring, as many as shared memory has beside 32 KB of results.
constexpr int wgmma_stages(int tile_n) { return tile_n == 256 ? 4 : tile_n == 128 ? 6 : 8; }
/// Columns of a swapped plan's sums in memory.
constexpr std::int64_t wgmma_columns(std::int64_t n) { return (n + 7) / 8 * 8; }

/// Every precision but fp32; stride 1, one group, whole steps of channels, or a linear layer of
/// whole vectors; devices of compute capability 9. Of results in other elements only fp8's in bf16,
/// bf16's in e4m3, and a linear layer's in any.
bool wgmma_is_legal(const Conv2dProblem& problem, const DeviceProperties& device);

/// The plan of a legal problem; see Conv2dPlan.
Conv2dPlan plan_wgmma(const Conv2dProblem& problem, const DeviceProperties& device);

/// What the kernel reads: 32-bit sizes of one launch. In a swapped plan c_out and what is named
/// after channels counts images, rounded up to 8, and n counts output channels.
struct WgmmaShape {
  PixelBox box;
  int tiles_x, tiles_y, tiles_n;  // boxes that cover the output
  int tiles_c;                    // tiles of channels
  int tiles;                      // of a block or a cluster, chunks of a split plan included
  int n, oh, ow;                  // rows and columns that are stored; of pooling whole windows
  int c_out;
  int kw, pad_h, pad_w, dilation_h, dilation_w;
  int depth_steps;  // of a tap
  int steps;        // of the whole depth
  int chunk_steps, k_chunks;
  int m;  // rows of a chunk's sums
  bool split, pooled;
  bool swapped;  // what is read as pixels are weights, and the other way round
  bool paired;   // blocks of a cluster have neighbouring boxes and the same channels
};

WgmmaShape wgmma_shape(const Conv2dProblem& problem, const Conv2dPlan& plan, std::int64_t n);

/// Requires: pointers at multiples of 16 bytes.
void launch_conv2d_wgmma(Stream& stream, const Conv2dProblem& problem, const Conv2dPlan& plan,
                         std::int64_t n, const ConvPointers& pointers);

}  // namespace lamina::kernels::cuda
