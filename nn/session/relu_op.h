#pragma once

#include "nn/session/op.h"

namespace lamina::nn::detail {

class ReluOp : public Op {
 public:
  std::string what() const override { return "relu"; }
  Shape output_shape(const Shape& input) const override { return input; }
  void run(const RunContext& context) const override;
  CudaStep on_cuda(const CudaContext& context, const CudaValue& input) const override;
  void input_gradient(const GradientContext& context) const override;
};

}  // namespace lamina::nn::detail
