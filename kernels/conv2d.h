// Two-dimensional convolution: contract, choice of algorithm, packing and execution.
//
//   plan = plan_conv2d(problem, usable_cpu_features());
//   pack_conv2d_weight(problem, plan, weight, packed);       // once a model
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
  bool relu = false;             ///< fused: max(x, 0) after the bias
  Layout layout = Layout::nchw;  ///< of input and output alike

  std::int64_t oh() const { return (h + 2 * pad_h - dilation_h * (kh - 1) - 1) / stride_h + 1; }
  std::int64_t ow() const { return (w + 2 * pad_w - dilation_w * (kw - 1) - 1) / stride_w + 1; }
};

enum class Conv2dAlgo {
  reference,      ///< plain loops, double accumulator: the definition
  indirect_gemm,  ///< blocked matrix product over rows of pointers to input pixels
};

/// What plan_conv2d() chose. The packed weight and the result's bits depend on it, and never on n.
struct Conv2dPlan {
  Conv2dAlgo algo = Conv2dAlgo::reference;
  Isa isa = Isa::scalar;
  int block_m = 0;  ///< output pixels of one register tile
  int block_n = 0;  ///< output channels of one register tile
  std::int64_t packed_weight_bytes = 0;
  std::int64_t workspace_bytes = 0;  ///< of one call; grows with n and threads

  bool operator==(const Conv2dPlan&) const = default;
};

struct Conv2dArgs {
  const float* input;  // [n, c_in, h, w] or [n, h, w, c_in]
  const void* weight;  // what pack_conv2d_weight() wrote for this plan
  const float* bias;   // [c_out], or nullptr
  float* output;       // [n, c_out, oh, ow] or [n, oh, ow, c_out]
  void* workspace;     // plan.workspace_bytes, aligned to 64; nullptr where that is 0
};

/// Pure choice from the problem and the processor. Requires: a legal problem (positive sizes,
/// channels divisible by groups, oh and ow >= 1), which the layer has checked.
/// The environment's LAMINA_CONV2D_PLAN forces an algorithm by its name where that is legal.
Conv2dPlan plan_conv2d(const Conv2dProblem& problem, const CpuFeatures& features, int threads = 1);

/// The same, with the algorithm given; nothing of `features` beyond its isa matters.
Conv2dPlan plan_conv2d_as(Conv2dAlgo algo, const Conv2dProblem& problem,
                          const CpuFeatures& features, int threads = 1);

/// "indirect_gemm avx2 6x16"
std::string to_string(const Conv2dPlan& plan);

/// Rearranges weight [c_out, c_in / groups, kh, kw] into plan.packed_weight_bytes at `packed`,
/// aligned to 64.
void pack_conv2d_weight(const Conv2dProblem& problem, const Conv2dPlan& plan, const float* weight,
                        void* packed);

/// output[b, k, y, x] = bias[k] + sum over c, r, s of
///     input[b, c, y*stride - pad + r*dilation, x*stride - pad + s*dilation] * weight[k, c, r, s]
/// Numerics: |err| <= (c_in/groups*kh*kw + 2) * 2^-24 * sum|a*b|; the order of summation is fixed
/// by
///           the plan, so an image's result has the same bits in any batch and on any threads.
/// Source:   PyTorch torch.nn.Conv2d semantics (cross-correlation, zero padding).
void conv2d_forward(const Conv2dProblem& problem, const Conv2dPlan& plan, const Conv2dArgs& args,
                    Exec exec);

}  // namespace lamina::kernels
