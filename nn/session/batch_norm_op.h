// Batch norm by running statistics in a plan; a convolution before it takes it in.
#pragma once

#include <lamina/core/tensor.h>

#include "kernels/elementwise.h"
#include "nn/session/op.h"

namespace lamina::nn::detail {

struct FoldedConv {
  Tensor weight, bias;
  std::shared_ptr<const void> shared;  // held by its users, so that the next session finds it
};

class BatchNormOp : public Op {
 public:
  /// weight and bias may be undefined.
  BatchNormOp(double eps, Tensor running_mean, Tensor running_var, Tensor weight, Tensor bias,
              int dimensions);

  std::string what() const override { return "batch_norm"; }
  Shape output_shape(const Shape& input) const override;
  void run(const RunContext& context) const override;
  CudaStep on_cuda(const CudaContext& context, const CudaValue& input) const override;
  void input_gradient(const GradientContext& context) const override;

  std::int64_t channels() const { return running_mean_.numel(); }
  /// A convolution's weight and bias with this batch norm behind it multiplied in, computed in
  /// double: weight * s and (bias - mean) * s + beta, s = gamma / sqrt(var + eps). Sessions of one
  /// model share the result.
  FoldedConv fold_into(const Tensor& conv_weight, const Tensor& conv_bias) const;

 private:
  FoldedConv fold(const Tensor& conv_weight, const Tensor& conv_bias) const;
  kernels::BatchNormProblem problem_for(const Shape& input) const;
  kernels::BatchNormArgs args_for(const float* input, float* output) const;

  double eps_;
  Tensor running_mean_, running_var_, weight_, bias_;
  int dimensions_;
};

/// Throws InvalidArgument unless the input is [n, c, h, w] (dimensions 2), [n, c] or [n, c, l] (1).
void check_batch_norm_input(const Shape& input, std::int64_t channels, int dimensions);

}  // namespace lamina::nn::detail
