// What Winograd on whole numbers adds: scales. See docs/kernels/conv2d-winograd.md.
#pragma once

#include "kernels/cpu/conv2d_winograd.h"

#include <cstdint>

namespace lamina::kernels::cpu {

/// Steps of an input on either side of zero: as many as leave V in 16 bits whole.
inline constexpr int kInputSteps = 255;
/// An image's largest magnitude is found in so many chunks.
inline constexpr std::int64_t kImageChunks = 16;

/// U in words of two channels, then its scales: one for each position and output channel, as fine
/// as sums that stay in 32 bits whatever the input allow.
void winograd_s16_pack(const WinogradConv& conv, Isa isa, const float* weight, float* packed,
                       Exec exec);

/// image_scale[b]: what a step of image b is worth, so that `range`, or its largest magnitude where
/// that is larger, is kInputSteps; NaN where the image holds a NaN or an infinity. `largest` is
/// [n][kImageChunks] of scratch.
void winograd_s16_image_scales(const Conv2dProblem& problem, Isa isa, const float* input,
                               float range, std::int32_t* largest, float* image_scale, Exec exec);

}  // namespace lamina::kernels::cpu
