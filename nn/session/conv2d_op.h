// A convolution in a plan, with the batch norm, ReLU and 2x2 max pooling behind it fused in.
#pragma once

#include <lamina/nn/conv2d.h>

#include "kernels/conv2d.h"
#include "nn/session/op.h"
#include "nn/session/pool_op.h"

#include <optional>

namespace lamina::nn::detail {

class Conv2dOp : public Op {
 public:
  /// `bias` may be undefined.
  Conv2dOp(const Conv2dOptions& options, Tensor weight, Tensor bias);

  std::string what() const override;
  Shape output_shape(const Shape& input) const override;
  bool absorb(const Op& next) override;
  LayoutNeed layout_need() const override { return LayoutNeed::nhwc; }
  bool takes_input_range() const override { return true; }
  std::int64_t macs(const Shape& input) const override;
  void prepare(const PrepareContext& context, const Shape& input, kernels::Layout layout) override;
  std::int64_t workspace_bytes() const override { return plan_.workspace_bytes; }
  std::string plan_text() const override { return kernels::to_string(plan_); }
  double expected_flops() const override { return plan_.expected_flops; }
  std::int64_t packed_bytes() const override { return plan_.packed_weight_bytes; }
  void run(const RunContext& context) const override;
  CudaStep on_cuda(const CudaContext& context, const CudaValue& input) const override;
  bool takes_e4m3(const CudaContext& context, const Shape& input) const override;
  void input_gradient(const GradientContext& context) const override;
  bool reads_padded_channels() const override { return options_.groups == 1; }

 private:
  Shape conv_shape(const Shape& input) const;
  kernels::Conv2dProblem fused_problem(const Shape& input, kernels::Layout layout) const;

  Conv2dOptions options_;
  Tensor weight_, bias_;
  bool batch_norm_ = false, relu_ = false;
  std::optional<MaxPool2dOp> max_pool_;
  kernels::Conv2dPlan plan_;
  std::shared_ptr<const void> folded_, packed_;  // shared with other sessions of the model
};

/// The kernel's problem for an input [n, c, h, w] of a layer. Throws InvalidArgument, naming the
/// shapes, where the input has other channels or is smaller than the kernel.
kernels::Conv2dProblem conv2d_problem(const Conv2dOptions& options, const Shape& input);

}  // namespace lamina::nn::detail
