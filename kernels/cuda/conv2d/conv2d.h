// Convolutions and linear layers on a CUDA device, as one family: the implicit GEMM.
//
//   plan = plan_conv2d(problem, device_properties(0));
//   pack_conv2d_weight(problem, plan, weight, packed);       // on the host, once a model
//   conv2d_forward(stream, problem, plan, {input, packed, bias, output, workspace});
//
// The product has a row for each output pixel, a column for each output channel, and sums over
// k = (r, s, c), the channels innermost. A linear layer is the case h = w = kh = kw = 1, n rows.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cuda/precision.h"
#include "kernels/cuda/runtime.h"

#include <cstdint>
#include <optional>
#include <string>

namespace lamina::kernels::cuda {

struct Conv2dProblem {
  kernels::Conv2dProblem conv;  ///< layout is nhwc; the rest as there
  Precision precision = Precision::fp32;
  /// What the result is written as: float32 whatever the precision (a model's logits); with wgmma
  /// e4m3 from bf16, or bf16 from fp8. Else element_of(precision).
  std::optional<Element> output = {};
  /// Channels that lie in memory for each input pixel, those past c_in being zeros: what makes a
  /// picture's three readable 16 bytes at a time. 0: c_in. Only for groups = 1.
  std::int64_t c_in_stored = 0;
  /// Hopper's tensor cores may be chosen. Proved by emulation alone so far: on request, until a GPU
  /// has run them.
  bool may_wgmma = false;

  Element output_element() const { return output.value_or(element_of(precision)); }
  std::int64_t stored() const { return c_in_stored > 0 ? c_in_stored : conv.c_in; }
  std::int64_t oh() const { return conv.stored_h(); }
  std::int64_t ow() const { return conv.stored_w(); }
  /// A pixel an image, and a tap that reads it: a product of rows, in any layout.
  bool is_linear() const {
    return conv.h * conv.w == 1 && conv.kh * conv.kw == 1 && conv.pad_h + conv.pad_w == 0 &&
           conv.groups == 1;
  }
};

/// Pixels that lie side by side in an output: columns, rows, images.
struct PixelBox {
  int w = 0, h = 0, n = 0;

  bool operator==(const PixelBox&) const = default;
};

/// What plan_conv2d() chose. Sums are made in chunks of k, each from zero, and the chunks' sums are
/// added in order; how many chunks depends on the layer and never on n, nor do tiles change the
/// order within a chunk, so an image has the same bits in any batch. With `split`, each chunk has
/// blocks of its own and a second kernel adds.
struct Conv2dPlan {
  int tile_m = 0, tile_n = 0, tile_k = 0;  ///< pixels, channels and depth of a block's tile
  int stages = 0;                          ///< tiles in flight
  int k_chunks = 1;
  bool split = false;
  bool vectors = false;  ///< 16 bytes a load; else element by element
  bool wgmma = false;    ///< on Hopper's tensor cores, fed by its copy engine
  PixelBox box;          ///< with wgmma: the pixels of a tile
  bool swapped = false;  ///< with wgmma: the product's rows are output channels, its columns images
  int blocks = 0;        ///< with wgmma: at most so many go on to the next tile by themselves
  int cluster = 1;       ///< with wgmma: neighbouring blocks that share their boxes of weights
  std::int64_t packed_weight_bytes = 0;
  std::int64_t workspace_bytes = 0;  ///< for problem.conv.n images

  bool operator==(const Conv2dPlan&) const = default;
};

struct Conv2dArgs {
  const void* input;   // [n, h, w, stored], element_of(precision)
  const void* weight;  // what pack_conv2d_weight() wrote, on the device
  const float* bias;   // [c_out], or nullptr
  void* output;        // [n, oh, ow, c_out] after pooling
  void* workspace;     // plan.workspace_bytes, or nullptr where that is 0
  /// [c_out], above 0, or nullptr: a sum is multiplied by it before its bias is added. With fp8 it
  /// is input scale * weight scale / output scale, and the bias is divided by the output's scale.
  const float* scale = nullptr;
};

/// Pure choice. Requires: a legal problem with oh(), ow() >= 1. Throws Unsupported where only wgmma
/// could do what is asked and may not.
Conv2dPlan plan_conv2d(const Conv2dProblem& problem, const DeviceProperties& device);

/// "implicit_gemm bf16 128x64x32, 4 stages, 9 chunks split"
std::string to_string(const Conv2dProblem& problem, const Conv2dPlan& plan);

/// Host memory to host memory: weight [c_out, c_in / groups, kh, kw] to [c_out, kh, kw, stored
/// / groups] of element_of(precision), rounded to nearest even, zeros where channels are padding.
/// With fp8 each output channel's row is divided by its scale first.
void pack_conv2d_weight(const Conv2dProblem& problem, const Conv2dPlan& plan, const float* weight,
                        void* packed);
/// The scale of a row of fp8 weights, from its count values: a power of two.
float fp8_weight_scale(const float* row, std::int64_t count);

/// What kernels::conv2d_forward() computes, in the problem's precision, and the pooling behind it.
/// Numerics: fp32 |err| <= (k + 2) * 2^-24 * sum|a*b|; otherwise inputs are rounded first and the
///           products are exact. NaN passes through ReLU and pooling, as in PyTorch.
/// Source:   PyTorch torch.nn.Conv2d and torch.nn.Linear semantics.
void conv2d_forward(Stream& stream, const Conv2dProblem& problem, const Conv2dPlan& plan,
                    const Conv2dArgs& args);

}  // namespace lamina::kernels::cuda
