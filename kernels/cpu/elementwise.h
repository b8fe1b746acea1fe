// Vector kernels for single elements and single channels.
#pragma once

#include "kernels/common.h"

#include <cstdint>

namespace lamina::kernels::cpu {

using ReluKernel = void(const float* input, float* output, std::int64_t count);
ReluKernel* relu_kernel(Isa isa);

/// output = (input - mean) * scale + bias.
struct Affine {
  float mean, scale, bias;
};
using NormalisePlaneKernel = void(const float* input, float* output, std::int64_t count,
                                  const Affine& channel);
NormalisePlaneKernel* normalise_plane_kernel(Isa isa);

/// The same for `pixels` rows of `c` channels, `stride` floats apart, each channel with its own.
struct AffineChannels {
  const float *mean, *scale, *bias;  // [c]
};
using NormaliseChannelsKernel = void(const float* input, float* output, std::int64_t pixels,
                                     std::int64_t c, std::int64_t stride,
                                     const AffineChannels& channels);
NormaliseChannelsKernel* normalise_channels_kernel(Isa isa);

/// output[column][row] = input[row][column], in tiles that fit the nearest cache.
void transpose(std::int64_t rows, std::int64_t columns, const float* input, float* output,
               Exec exec);

}  // namespace lamina::kernels::cpu
