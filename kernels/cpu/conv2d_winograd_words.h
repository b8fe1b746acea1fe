// What Winograd on whole numbers adds: scales. See docs/kernels/conv2d-winograd.md.
//
//   winograd_f4_s16  inputs are rounded to kInputSteps by a scale of the image; V is exact
//   winograd_f4_q15  V is computed in float and rounded to kMostOfV by a scale of the tile
#pragma once

#include "kernels/cpu/conv2d_winograd.h"

#include <cstdint>

namespace lamina::kernels::cpu {

/// Steps of an input on either side of zero: as many as leave V in 16 bits whole.
inline constexpr int kInputSteps = 255;
/// An image's largest magnitude is found in so many chunks.
inline constexpr std::int64_t kImageChunks = 16;

/// |V| of row i of B^T is at most so many times the largest input.
inline constexpr int kWinogradGrowth[6] = {10, 10, 10, 6, 6, 10};

/// V's largest magnitude as a whole number. V and U share the 31 bits of a sum: with 14.5 of them
/// for V, its roundings and U's add about the same to the result.
inline constexpr float kMostOfV = 23168;
/// After so many channels the sum goes to float. The fewer, the more of 32 bits has U, and the more
/// is added.
inline constexpr std::int64_t kChannelsOfSum = 128;
/// A tile with larger magnitudes, whose V may be infinite, gives NaN; one with less gives the bias.
inline constexpr float kLargestTile = 0x1p120f, kLeastTile = 0x1p-100f;

/// U in words of two channels, then its scales: one for each position and output channel, as fine
/// as sums that stay in 32 bits whatever the input allow. For winograd_f4_q15 they hold V's too.
void winograd_pack_words(const WinogradConv& conv, const Conv2dPlan& plan, const float* weight,
                         float* packed, Exec exec);

/// image_scale[b]: what a step of image b is worth, so that `range`, or its largest magnitude where
/// that is larger, is kInputSteps; NaN where the image holds a NaN or an infinity. `largest` is
/// [n][kImageChunks] of scratch.
void winograd_s16_image_scales(const Conv2dProblem& problem, Isa isa, const float* input,
                               float range, std::int32_t* largest, float* image_scale, Exec exec);

}  // namespace lamina::kernels::cpu
