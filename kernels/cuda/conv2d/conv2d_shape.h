// What the kernels of a convolution read of its problem: 32-bit sizes of one launch.
#pragma once

#include "kernels/cuda/conv2d/conv2d.h"

namespace lamina::kernels::cuda {

/// A tile's depth in bytes: four vectors of 16. All tiles share it, so that chunks of k begin at
/// the same places whatever the tile.
inline constexpr int kTileDepthBytes = 64;

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

struct ConvShape {
  int n, h, w;
  int c;        // channels that lie in memory for each input pixel
  int c_group;  // of them, those that a group of output channels reads
  int oh, ow;   // of the convolution, before pooling
  int kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
  int c_out, c_out_group;
  int m;            // rows of the product: pixels, or four for each pooled one
  int k;            // its depth: kh * kw * c_group
  int k_tiles;      // tiles of depth, the last one partly filled
  int chunk_tiles;  // tiles of a chunk
  int k_chunks;
  bool relu, pooled, f32_output;
};

/// Sizes as plan and problem have them, for `n` of its images. Requires: they fit.
ConvShape conv_shape(const Conv2dProblem& problem, const Conv2dPlan& plan, std::int64_t n);

/// How many images one launch may have so that all sizes fit 32 bits. Throws Unsupported where one
/// image alone is too large.
std::int64_t images_per_launch(const Conv2dProblem& problem);

/// What a launch gets. `partial` receives the sums of each chunk [k_chunks, m, c_out] where the
/// plan is split; null otherwise.
struct ConvPointers {
  const void* input;
  const void* weight;
  const float* bias;
  void* output;
  float* partial;
  const float* scale;  // as Conv2dArgs has it
};

// One function for each precision, in a source of its own: they take long to compile.
void launch_conv2d_fp32(Stream&, const ConvShape&, const Conv2dPlan&, const ConvPointers&);
void launch_conv2d_tf32(Stream&, const ConvShape&, const Conv2dPlan&, const ConvPointers&);
void launch_conv2d_fp16(Stream&, const ConvShape&, const Conv2dPlan&, const ConvPointers&);
void launch_conv2d_bf16(Stream&, const ConvShape&, const Conv2dPlan&, const ConvPointers&);

}  // namespace lamina::kernels::cuda
