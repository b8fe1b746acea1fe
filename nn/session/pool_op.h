// Pooling steps of a plan, in either layout.
#pragma once

#include <lamina/nn/pooling.h>

#include "kernels/pool2d.h"
#include "nn/session/op.h"

namespace lamina::nn::detail {

class MaxPool2dOp : public Op {
 public:
  explicit MaxPool2dOp(const MaxPool2dOptions& options) : options_(options) {}
  /// Windows of 2x2, side by side, that leave an odd edge out.
  bool is_plain_2x2() const;
  std::string what() const override { return "max_pool2d"; }
  Shape output_shape(const Shape& input) const override;
  void run(const RunContext& context) const override;
  CudaStep on_cuda(const CudaContext& context, const CudaValue& input) const override;
  void input_gradient(const GradientContext& context) const override;

 private:
  MaxPool2dOptions options_;
};

class AvgPool2dOp : public Op {
 public:
  explicit AvgPool2dOp(const AvgPool2dOptions& options) : options_(options) {}
  std::string what() const override { return "avg_pool2d"; }
  Shape output_shape(const Shape& input) const override;
  void run(const RunContext& context) const override;
  CudaStep on_cuda(const CudaContext& context, const CudaValue& input) const override;
  void input_gradient(const GradientContext& context) const override;

 private:
  AvgPool2dOptions options_;
};

class AdaptiveAvgPool2dOp : public Op {
 public:
  explicit AdaptiveAvgPool2dOp(Size2 output_size) : output_size_(output_size) {}
  std::string what() const override { return "adaptive_avg_pool2d"; }
  Shape output_shape(const Shape& input) const override;
  void run(const RunContext& context) const override;
  CudaStep on_cuda(const CudaContext& context, const CudaValue& input) const override;
  void input_gradient(const GradientContext& context) const override;

 private:
  Size2 output_size_;
};

// The kernels' problems for an input [n, c, h, w]. Throw InvalidArgument where it does not fit.
kernels::Pool2dProblem max_pool2d_problem(const MaxPool2dOptions& options, const Shape& input);
kernels::Pool2dProblem avg_pool2d_problem(const AvgPool2dOptions& options, const Shape& input);
kernels::AdaptivePool2dProblem adaptive_pool2d_problem(Size2 output_size, const Shape& input);

}  // namespace lamina::nn::detail
