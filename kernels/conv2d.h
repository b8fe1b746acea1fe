// Two-dimensional convolution: contract, choice of algorithm, packing and execution.
//
//   plan = plan_conv2d(problem, usable_cpu_features(), threads);
//   pack_conv2d_weight(problem, plan, weight, packed, {.threads = 2});  // once a model
//   conv2d_forward(problem, plan, {input, packed, bias, output, workspace}, {.threads = 2});
#pragma once

#include "kernels/common.h"

#include <cstdint>
#include <string>

namespace lamina::kernels {

struct Conv2dProblem {
  std::int64_t n = 1, c_in = 0, h = 0, w = 0, c_out = 0;
  std::int64_t kh = 1, kw = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t pad_h = 0, pad_w = 0;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t groups = 1;
  bool relu = false;          ///< fused: max(x, 0) after the bias
  bool max_pool_2x2 = false;  ///< fused behind ReLU: stride 2, an odd last row or column dropped
  bool may_round_to_16_bits = false;  ///< Winograd's V and U, by the largest that they may be
  bool may_round_to_bf16 = false;     ///< inputs and weights
  Layout layout = Layout::nchw;       ///< of input and output alike

  std::int64_t oh() const { return (h + 2 * pad_h - dilation_h * (kh - 1) - 1) / stride_h + 1; }
  std::int64_t ow() const { return (w + 2 * pad_w - dilation_w * (kw - 1) - 1) / stride_w + 1; }
  /// Of the output as it is stored.
  std::int64_t stored_h() const { return max_pool_2x2 ? oh() / 2 : oh(); }
  std::int64_t stored_w() const { return max_pool_2x2 ? ow() / 2 : ow(); }
};

enum class Conv2dAlgo {
  reference,        ///< plain loops, double accumulator: the definition
  indirect_gemm,    ///< blocked matrix product over rows of pointers to input pixels
  winograd_f4,      ///< F(4x4, 3x3): a quarter of the multiplications; 3x3, stride 1, one group
  winograd_f6,      ///< F(6x6, 3x3): a fifth of them, with weights 7.1 times as large
  winograd_f4_q15,  ///< F(4x4, 3x3) in fixed point of 16 bits, with a scale for each tile
  winograd_f6_q15,  ///< F(6x6, 3x3) likewise
  amx_bf16,         ///< implicit matrix product on the tile unit, in bfloat16; one group
};

/// Whether Winograd's V and U are whole numbers with scales.
constexpr bool is_fixed_point(Conv2dAlgo algo) {
  return algo == Conv2dAlgo::winograd_f4_q15 || algo == Conv2dAlgo::winograd_f6_q15;
}

/// What plan_conv2d() chose. The packed weight and the result's bits depend on it, and never on n.
struct Conv2dPlan {
  Conv2dAlgo algo = Conv2dAlgo::reference;
  Isa isa = Isa::scalar;
  bool vnni = false;  ///< with VNNI's dot products; the bits do not depend on it
  int block_m = 0;    ///< output pixels of one register tile
  int block_n = 0;    ///< output channels of one register tile
  std::int64_t packed_weight_bytes = 0;
  std::int64_t workspace_bytes = 0;  ///< of one call; grows with n and threads
  int threads = 1;                   ///< that the workspace is for: more than these do not work
  double expected_flops = 0;         ///< an image's time at the peak in float multiply-adds

  bool operator==(const Conv2dPlan&) const = default;
};

struct Conv2dArgs {
  const float* input;  // [n, c_in, h, w] or [n, h, w, c_in]
  const void* weight;  // what pack_conv2d_weight() wrote for this plan
  const float* bias;   // [c_out], or nullptr
  float* output;       // [n, c_out, stored_h, stored_w] or [n, stored_h, stored_w, c_out]
  void* workspace;     // plan.workspace_bytes, aligned to 64; nullptr where that is 0
  // In fixed point: magnitudes up to this one are rounded by the same steps. A tile that goes
  // beyond has larger steps of its own, so that nothing is cut off; with 0 every tile has its own.
  float input_range = 0;
};

/// Pure choice from the problem and the processor. Requires: a legal problem (positive sizes,
/// channels divisible by groups, oh and ow >= 1), which the layer has checked.
/// The environment's LAMINA_CONV2D_PLAN forces an algorithm by its name where that is legal.
Conv2dPlan plan_conv2d(const Conv2dProblem& problem, const CpuFeatures& features, int threads = 1);

/// The same, with the algorithm given; nothing of `features` beyond its isa matters. A plan of
/// amx_bf16 runs only where CpuFeatures::amx_bf16 is set.
Conv2dPlan plan_conv2d_as(Conv2dAlgo algo, const Conv2dProblem& problem,
                          const CpuFeatures& features, int threads = 1);

/// "winograd_f6 avx2 6x16"
std::string to_string(const Conv2dPlan& plan);

/// Rearranges weight [c_out, c_in / groups, kh, kw] into plan.packed_weight_bytes at `packed`,
/// aligned to 64.
void pack_conv2d_weight(const Conv2dProblem& problem, const Conv2dPlan& plan, const float* weight,
                        void* packed, Exec exec = {});

/// output[b, k, y, x] = bias[k] + sum over c, r, s of
///     input[b, c, y*stride - pad + r*dilation, x*stride - pad + s*dilation] * weight[k, c, r, s]
/// then ReLU and the largest of each 2x2 where the problem asks for them.
/// Numerics: |err| <= (c_in/groups*kh*kw + 2) * 2^-24 * sum|a*b|; for Winograd the sum is that of
///           its own terms, which leaves about 1e-5 of the largest output (docs/kernels says more),
///           and a NaN or infinity spreads over its tile of 4x4 or 6x6 outputs; for amx_bf16
///           inputs and weights are rounded to bfloat16 before (2^-7 of sum|a*b|); for
///           fixed point a tile's V and an output's U are rounded by their largest (2^-8 of
///           the tile's largest |a| times sum|b|). The order of
///           summation is fixed by the plan, so an image's result has the same bits in any batch
///           and on any threads.
/// Source:   PyTorch torch.nn.Conv2d semantics (cross-correlation, zero padding).
void conv2d_forward(const Conv2dProblem& problem, const Conv2dPlan& plan, const Conv2dArgs& args,
                    Exec exec);

}  // namespace lamina::kernels
