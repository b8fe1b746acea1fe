// 3x3 convolution with a third to a fifth of the multiplications: Winograd's F(4x4, 3x3) and
// F(6x6, 3x3). See docs/kernels/conv2d-winograd.md.
//
// An output tile of m x m comes from an input tile of a x a, a = m + 2, in three stages:
//   V = B^T d B              input transform, for each channel
//   M = sum over c of U V    a * a small matrix products [tiles, c_in] x [c_in, c_out]
//   y = A^T M A              output transform, with bias, ReLU and 2x2 max pooling
// with U = G g G^T computed once, when weights are packed.
//
// V and U are made of words of 4 bytes: a float, or in fixed point (winograd_f4_q15,
// winograd_f6_q15) two whole numbers of 16 bits for two channels, whose products one instruction
// adds in pairs.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cpu/register_tile.h"

#include <cstdint>

namespace lamina::kernels::cpu {

/// 3x3, stride 1, dilation 1, one group; any padding.
bool winograd_is_legal(const Conv2dProblem& problem);

/// The side m of the output tile.
constexpr int winograd_side(Conv2dAlgo algo) {
  return algo == Conv2dAlgo::winograd_f6 || algo == Conv2dAlgo::winograd_f6_q15 ? 6 : 4;
}

std::int64_t winograd_packed_bytes(const Conv2dProblem& problem, Conv2dAlgo algo,
                                   RegisterTile tile);
std::int64_t winograd_workspace_bytes(const Conv2dProblem& problem, Conv2dAlgo algo,
                                      RegisterTile tile, int threads);

/// weight [c_out, c_in, 3, 3] -> packed [panel][(m + 2)^2][words][block_n], the last panel filled
/// up with zeros; in fixed point then the scales of U [panel][(m + 2)^2][block_n].
void winograd_pack(const Conv2dProblem& problem, const Conv2dPlan& plan, const float* weight,
                   float* packed, Exec exec);

/// NHWC only.
void winograd_forward(const Conv2dProblem& problem, const Conv2dPlan& plan, const Conv2dArgs& args,
                      Exec exec);

/// What the three stages work on: one call's pointers, all NHWC.
struct WinogradConv {
  Conv2dProblem problem;
  int m;  // the output tile's side, 4 or 6
  std::int64_t tiles_y, tiles_x;
  std::int64_t words;              // of a tile's channels in V, and of an output channel's in U
  std::int64_t v_stride;           // words, rounded up to whole vectors: a tile's row of V
  int block_n;                     // output channels of one panel
  const float* input = nullptr;    // [n, h, w, c_in]
  const float* packed = nullptr;   // see winograd_pack()
  const float* bias = nullptr;     // [c_out], or nullptr
  float* output = nullptr;         // [n, stored_h, stored_w, c_out]
  const float* zeros = nullptr;    // [c_in]: what the padding reads as
  const float* u_scale = nullptr;  // in fixed point: [panel][a * a][block_n]
  float* tile_scale = nullptr;     // in fixed point: [tiles()], what M is worth
  float input_range = 0;           // in fixed point: see Conv2dArgs

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
  const float* v;       // [count][v_stride]
  const float* u;       // [words][block_n]
  const float* next_u;  // the panel that comes next: fetched meanwhile
  float* m;             // [count][block_n]
  std::int64_t count, words, v_stride;
  const float* scale = nullptr;  // [block_n], in fixed point
};

struct WinogradKernels {
  /// V of tiles: v[position * position_stride + (tile - begin) * v_stride + word].
  void (*transform_input)(const WinogradConv& conv, TileRange tiles, float* v,
                          std::int64_t position_stride);
  void (*multiply)(const WinogradProduct& product);
  /// From m[position * position_stride + (tile - begin) * block_n + k] of one panel to the output.
  void (*transform_output)(const WinogradConv& conv, TileRange tiles, std::int64_t panel,
                           const float* m, std::int64_t position_stride);
};

RegisterTile winograd_tile(Isa isa);
/// Of floats; m is 4 or 6.
const WinogradKernels& winograd_kernels(Isa isa, int m);
/// The first two stages in fixed point; the third is that of floats. `vnni` is for processors that
/// have it (CpuFeatures::vnni()); it changes no bits.
const WinogradKernels& winograd_q15_kernels(Isa isa, int m, bool vnni);

/// Channels that one word stands for lie this far apart: a word of the group of 2 * lanes channels
/// from c on has c + i and c + lanes + i.
constexpr std::int64_t winograd_pair_words(std::int64_t c_in, int lanes) {
  return (c_in + 2 * lanes - 1) / (2 * lanes) * lanes;
}

/// U of one panel in floats: [(m + 2)^2][c_in][block_n].
using WinogradPackKernel = void(const Conv2dProblem& problem, const float* weight,
                                std::int64_t panel, float* u);
WinogradPackKernel* winograd_pack_kernel(Isa isa, int m);

}  // namespace lamina::kernels::cpu
