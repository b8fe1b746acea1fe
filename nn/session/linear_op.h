// A linear layer in a plan, with the ReLU behind it fused in. A float32 weight is read where it
// lies.
#pragma once

#include <lamina/core/tensor.h>

#include "kernels/conv2d.h"
#include "kernels/linear.h"
#include "nn/session/op.h"

namespace lamina::nn::detail {

class LinearOp : public Op {
 public:
  /// weight [out_features, in_features]; `bias` may be undefined.
  LinearOp(const Tensor& weight, const Tensor& bias);

  std::string what() const override { return relu_ ? "linear+relu" : "linear"; }
  Shape output_shape(const Shape& input) const override;
  bool absorb(const Op& next) override;
  LayoutNeed layout_need() const override { return LayoutNeed::nchw; }
  std::int64_t macs(const Shape& input) const override;
  void prepare(const PrepareContext& context, const Shape& input, kernels::Layout layout) override;
  std::string plan_text() const override;
  double expected_flops() const override;
  double expected_bytes() const override;
  std::int64_t packed_bytes() const override { return packed_ ? packed_->bytes() : 0; }
  void run(const RunContext& context) const override;
  CudaStep on_cuda(const CudaContext& context, const CudaValue& input) const override;
  bool takes_input_range() const override { return true; }
  bool takes_e4m3(const CudaContext& context, const Shape& input) const override;
  void input_gradient(const GradientContext& context) const override;

 private:
  // A weight in a narrower type than float32.
  struct Packed {
    Tensor weight, scale;  // scale undefined where there is none
    std::int64_t bytes() const;
  };

  kernels::LinearProblem problem_for(const Shape& input) const;
  // As the convolution that it is: a pixel an image.
  kernels::Conv2dProblem conv_problem_for(const Shape& input) const;
  Packed pack(const PrepareContext& context, const kernels::LinearProblem& problem) const;

  Tensor weight_, bias_;
  bool relu_ = false;
  kernels::LinearWeight stored_ = kernels::LinearWeight::f32;
  kernels::LinearPlan plan_;
  std::shared_ptr<const Packed> packed_;  // shared with other sessions of the model
};

/// Throws InvalidArgument unless the last axis is in_features long.
Shape linear_output_shape(const Shape& input, std::int64_t in_features, std::int64_t out_features);

}  // namespace lamina::nn::detail
