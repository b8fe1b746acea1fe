// Direct convolution on the tile unit of Intel AMX, inputs and weights in bfloat16, sums in
// float32. See docs/kernels/conv2d-amx.md.
//
// An implicit matrix product: a tile's 16 rows are 16 output pixels of a row, each with the 32
// input channels that one tap reads; a tile of weights has those 32 channels for 16 output
// channels. The inputs are converted and padded once ("staged"), so that a tile is loaded straight
// from them.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cpu/tile_config.h"

#include <cstddef>
#include <cstdint>

namespace lamina::kernels::cpu {

inline constexpr std::int64_t kAmxPixels = kTileRows;            // of a tile, along x
inline constexpr std::int64_t kAmxChannels = kTileRowBytes / 2;  // of a tile's row, in bfloat16
inline constexpr std::int64_t kAmxOutputs = kTileRowBytes / 4;   // of a tile of weights or sums
inline constexpr std::int64_t kAmxTileBytes = kTileRows * kTileRowBytes;
// A block of sums is 2 x 2 tiles: two rows of pixels by a panel of output channels.
inline constexpr std::int64_t kAmxRows = 2;
inline constexpr std::int64_t kAmxPanel = 2 * kAmxOutputs;

/// One group; any kernel, stride, padding and dilation.
bool amx_is_legal(const Conv2dProblem& problem);

std::int64_t amx_packed_bytes(const Conv2dProblem& problem);
std::int64_t amx_workspace_bytes(const Conv2dProblem& problem);

/// weight [c_out, c_in, kh, kw] -> [panel][c_in / 32][kh][kw][2 of 16 outputs][16][16 outputs][2]:
/// a tile's row has two input channels side by side for each output. Channels that do not exist are
/// zeros; a last panel of 16 outputs or less has one tile where the others have two.
void amx_pack(const Conv2dProblem& problem, const float* weight, void* packed, Exec exec);

/// One call's sizes and pointers.
struct AmxConv {
  Conv2dProblem problem;
  std::int64_t groups;                  // of kAmxChannels input channels
  std::int64_t staged_h, staged_w;      // with padding, and as wide as whole tiles reach
  std::int64_t block_rows, block_cols;  // blocks of an image
  std::int64_t panels;
  Isa isa;                  // of what is done in vectors
  std::byte* staged;        // [image][group][staged_h][staged_w][32] bfloat16
  const std::byte* packed;  // see amx_pack()
  const float* bias;        // [c_out], or nullptr
  float* output;            // of the first staged image: [stored_h, stored_w, c_out]

  std::int64_t row_bytes() const { return staged_w * kTileRowBytes; }
  std::int64_t plane_bytes() const { return staged_h * row_bytes(); }
  std::int64_t image_bytes() const { return groups * plane_bytes(); }
  /// Tiles of weights that are multiplied one after the other.
  std::int64_t steps() const { return groups * problem.kh * problem.kw; }
};

/// Blocks [block_begin, block_end) of the staged images, by panels [panel_begin, panel_end).
struct AmxRange {
  std::int64_t block_begin, block_end;
  std::int64_t panel_begin, panel_end;
};

/// Multiplies a range and writes its outputs: multiply_tiles() of conv2d_amx_kernel.h for some
/// unit.
using AmxKernel = void(const AmxConv& conv, const AmxRange& range);
/// Of the processor's tile unit; nullptr where a build is for processors that have none.
AmxKernel* amx_kernel();

/// NHWC only, with all products done by `kernel`.
void amx_forward(const Conv2dProblem& problem, const Conv2dPlan& plan, const Conv2dArgs& args,
                 Exec exec, AmxKernel* kernel);

/// A block's sums on their way to the output.
struct AmxSums {
  const float* sums;                      // [kAmxRows][kAmxPixels][kAmxPanel]
  const float* bias;                      // [channels], or nullptr
  float* output;                          // of the block's first pixel and channel
  std::int64_t row_stride, pixel_stride;  // floats, of the output
  std::int64_t rows, cols;                // to be stored, pooled ones where pooled
  std::int64_t channels;                  // of the panel: [1, kAmxPanel]
  bool relu, max_pool_2x2;
};

/// What is done in vectors.
struct AmxVectorKernels {
  /// Row y of a staged image [group][staged_h][staged_w][32] from image [h, w, c_in].
  void (*stage_row)(const AmxConv& conv, const float* image, std::int64_t y, std::byte* staged);
  void (*finish)(const AmxSums& sums);
};
const AmxVectorKernels& amx_vector_kernels(Isa isa);

}  // namespace lamina::kernels::cpu
