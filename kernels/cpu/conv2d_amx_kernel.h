// The products of a direct convolution on a tile unit, for any unit: the processor's
// (amx_tile_unit.h), or a model of it that tests run anywhere. A unit has the functions of
// AmxTileUnit, and is made anew for each range.
#pragma once

#include "kernels/cpu/conv2d_amx.h"

#include <algorithm>

namespace lamina::kernels::cpu {

/// Tiles are configured while it lives.
template <typename Unit>
class ConfiguredTiles {
 public:
  explicit ConfiguredTiles(Unit& unit) : unit_(unit) {
    static constexpr TileConfig kConfig = whole_tiles();
    unit_.configure(kConfig);
  }
  ~ConfiguredTiles() { unit_.release(); }
  ConfiguredTiles(const ConfiguredTiles&) = delete;
  ConfiguredTiles& operator=(const ConfiguredTiles&) = delete;

 private:
  Unit& unit_;
};

/// Where the tiles of one block and panel lie.
struct TileProduct {
  const std::byte* pixels;   // of the first group, what tap (0, 0) of the first output pixel reads
  const std::byte* weights;  // the panel
  std::int64_t groups, kh, kw;
  std::int64_t pixel_step;    // bytes from an output pixel to the next one's
  std::int64_t row_step;      // from the first row of output pixels to the second
  std::int64_t tap_row_step;  // from a row of taps to the next
  std::int64_t tap_step;
  std::int64_t group_step;
};

/// sums [2][16][32] of kRows rows of pixels by kHalves times 16 output channels.
///
/// Tiles 0 to 3 are sums, 4 and 5 pixels, 6 and 7 weights. Taps come inside of channel groups: the
/// pixels of a group are read kh * kw times while they are in L1. Every output goes through the
/// same steps in the same order, whatever block it is in.
template <int kRows, int kHalves, typename Unit>
void multiply_block(Unit& unit, const TileProduct& p, float* sums) {
  constexpr bool kTwoRows = kRows == 2, kTwoHalves = kHalves == 2;
  unit.template zero<0>();
  if constexpr (kTwoHalves) unit.template zero<1>();
  if constexpr (kTwoRows) unit.template zero<2>();
  if constexpr (kTwoRows && kTwoHalves) unit.template zero<3>();
  const std::byte* weights = p.weights;
  for (std::int64_t group = 0; group < p.groups; ++group) {
    for (std::int64_t r = 0; r < p.kh; ++r) {
      const std::byte* pixels = p.pixels + group * p.group_step + r * p.tap_row_step;
      for (std::int64_t s = 0; s < p.kw; ++s, pixels += p.tap_step) {
        unit.template load<6>(weights, kTileRowBytes);
        unit.template load<4>(pixels, p.pixel_step);
        unit.template multiply_bf16<0, 4, 6>();
        if constexpr (kTwoHalves) {
          unit.template load<7>(weights + kAmxTileBytes, kTileRowBytes);
          unit.template multiply_bf16<1, 4, 7>();
        }
        if constexpr (kTwoRows) {
          unit.template load<5>(pixels + p.row_step, p.pixel_step);
          unit.template multiply_bf16<2, 5, 6>();
          if constexpr (kTwoHalves) unit.template multiply_bf16<3, 5, 7>();
        }
        weights += kHalves * kAmxTileBytes;
      }
    }
  }
  constexpr std::int64_t kStride = kAmxPanel * static_cast<std::int64_t>(sizeof(float));
  float* const second = sums + kAmxPixels * kAmxPanel;
  unit.template store<0>(sums, kStride);
  if constexpr (kTwoHalves) unit.template store<1>(sums + kAmxOutputs, kStride);
  if constexpr (kTwoRows) unit.template store<2>(second, kStride);
  if constexpr (kTwoRows && kTwoHalves) unit.template store<3>(second + kAmxOutputs, kStride);
}

/// A block of some image: its first output pixel is (y, x).
struct AmxBlock {
  std::int64_t image, y, x;

  AmxBlock(const AmxConv& conv, std::int64_t index)
      : image(index / (conv.block_rows * conv.block_cols)),
        y(index / conv.block_cols % conv.block_rows * kAmxRows),
        x(index % conv.block_cols * kAmxPixels) {}
};

inline TileProduct tile_product(const AmxConv& conv, const AmxBlock& block, std::int64_t panel) {
  const Conv2dProblem& p = conv.problem;
  const std::int64_t first = block.y * p.stride_h * conv.staged_w + block.x * p.stride_w;
  return {.pixels = conv.staged + block.image * conv.image_bytes() + first * kTileRowBytes,
          .weights = conv.packed + panel * conv.steps() * 2 * kAmxTileBytes,
          .groups = conv.groups,
          .kh = p.kh,
          .kw = p.kw,
          .pixel_step = p.stride_w * kTileRowBytes,
          .row_step = p.stride_h * conv.row_bytes(),
          .tap_row_step = p.dilation_h * conv.row_bytes(),
          .tap_step = p.dilation_w * kTileRowBytes,
          .group_step = conv.plane_bytes()};
}

inline AmxSums sums_of(const AmxConv& conv, const AmxBlock& block, std::int64_t panel,
                       const float* sums) {
  const Conv2dProblem& p = conv.problem;
  const std::int64_t shrink = p.max_pool_2x2 ? 2 : 1;
  const std::int64_t y = block.y / shrink, x = block.x / shrink, k = panel * kAmxPanel;
  const std::int64_t pixel = (block.image * p.stored_h() + y) * p.stored_w() + x;
  return {.sums = sums,
          .bias = conv.bias != nullptr ? conv.bias + k : nullptr,
          .output = conv.output + pixel * p.c_out + k,
          .row_stride = p.stored_w() * p.c_out,
          .pixel_stride = p.c_out,
          .rows = std::min(kAmxRows / shrink, p.stored_h() - y),
          .cols = std::min(kAmxPixels / shrink, p.stored_w() - x),
          .channels = std::min(kAmxPanel, p.c_out - k),
          .relu = p.relu,
          .max_pool_2x2 = p.max_pool_2x2};
}

/// An AmxKernel.
template <typename Unit>
void multiply_tiles(const AmxConv& conv, const AmxRange& range) {
  Unit unit;
  const ConfiguredTiles<Unit> configured(unit);
  const auto finish = amx_vector_kernels(conv.isa).finish;
  alignas(64) float sums[kAmxRows * kAmxPixels * kAmxPanel];
  for (std::int64_t index = range.block_begin; index < range.block_end; ++index) {
    const AmxBlock block(conv, index);
    const bool two_rows = block.y + 1 < conv.problem.oh();
    for (std::int64_t panel = range.panel_begin; panel < range.panel_end; ++panel) {
      const TileProduct product = tile_product(conv, block, panel);
      const bool two_halves = conv.problem.c_out - panel * kAmxPanel > kAmxOutputs;
      if (two_rows) {
        two_halves ? multiply_block<2, 2>(unit, product, sums)
                   : multiply_block<2, 1>(unit, product, sums);
      } else {
        two_halves ? multiply_block<1, 2>(unit, product, sums)
                   : multiply_block<1, 1>(unit, product, sums);
      }
      finish(sums_of(conv, block, panel, sums));
    }
  }
}

}  // namespace lamina::kernels::cpu
