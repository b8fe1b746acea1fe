// 3x3 convolution with a third to a fifth of the multiplications: Winograd's F(4x4, 3x3) and
// F(6x6, 3x3). No plan chooses it yet.
//
// An output tile of m x m comes from an input tile of a x a, a = m + 2, in three stages:
//   V = B^T d B              input transform, for each channel
//   M = sum over c of U V    a * a small matrix products [tiles, c_in] x [c_in, c_out]
//   y = A^T M A              output transform, with bias, ReLU and 2x2 max pooling
// with U = G g G^T computed once, when weights are packed.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cpu/register_tile.h"

#include <cstdint>

namespace lamina::kernels::cpu {

/// What the three stages work on: one call's pointers, all NHWC.
struct WinogradConv {
  Conv2dProblem problem;
  int m;              // the output tile's side, 4 or 6
  bool max_pool_2x2;  // the largest of each 2x2 is stored, a last odd row and column dropped
  std::int64_t tiles_y, tiles_x;
  std::int64_t c_stride;  // c_in rounded up to whole vectors: a tile's row of V
  int block_n;            // output channels of one panel
  const float* input;     // [n, h, w, c_in]
  const float* packed;    // [panel][a * a][c_in][block_n]
  const float* bias;      // [c_out], or nullptr
  float* output;          // [n, oh, ow, c_out], halved where pooled
  const float* zeros;     // [c_stride]: what the padding reads as

  int positions() const { return (m + 2) * (m + 2); }
  std::int64_t tiles() const { return problem.n * tiles_y * tiles_x; }
};

/// A run of tiles, numbered through all images.
struct TileRange {
  std::int64_t begin, end;
  std::int64_t count() const { return end - begin; }
};

/// One position's product: rows [count] of V by a panel of U.
struct WinogradProduct {
  const float* v;       // [count][c_stride]
  const float* u;       // [c][block_n]
  const float* next_u;  // the panel that comes next: fetched meanwhile
  float* m;             // [count][block_n]
  std::int64_t count, c, c_stride;
};

struct WinogradKernels {
  /// V of tiles: v[position * position_stride + (tile - begin) * c_stride + c].
  void (*transform_input)(const WinogradConv& conv, TileRange tiles, float* v,
                          std::int64_t position_stride);
  void (*multiply)(const WinogradProduct& product);
  /// From m[position * position_stride + (tile - begin) * block_n + k] of one panel to the output.
  void (*transform_output)(const WinogradConv& conv, TileRange tiles, std::int64_t panel,
                           const float* m, std::int64_t position_stride);
};

RegisterTile winograd_tile(Isa isa);
const WinogradKernels& winograd_kernels(Isa isa, int m);

}  // namespace lamina::kernels::cpu
