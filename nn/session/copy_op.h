// Steps that move values without computing: a copy, and a change of layout.
#pragma once

#include "nn/session/op.h"

namespace lamina::nn::detail {

class CopyOp : public Op {
 public:
  std::string what() const override { return "copy"; }
  Shape output_shape(const Shape& input) const override { return input; }
  bool keeps_values() const override { return true; }
  void run(const RunContext& context) const override;
  CudaStep on_cuda(const CudaContext& context, const CudaValue& input) const override;
  void input_gradient(const GradientContext& context) const override;
};

/// Reads one layout and writes the other.
class ConvertLayoutOp : public Op {
 public:
  explicit ConvertLayoutOp(kernels::Layout to) : to_(to) {}

  std::string what() const override { return to_ == kernels::Layout::nhwc ? "to_nhwc" : "to_nchw"; }
  Shape output_shape(const Shape& input) const override { return input; }
  void run(const RunContext& context) const override;

 private:
  kernels::Layout to_;
};

}  // namespace lamina::nn::detail
