#pragma once

#include "nn/session/op.h"

namespace lamina::nn::detail {

class SoftmaxOp : public Op {
 public:
  explicit SoftmaxOp(std::int64_t dim) : dim_(dim) {}

  std::string what() const override { return "softmax"; }
  Shape output_shape(const Shape& input) const override;
  LayoutNeed layout_need() const override { return LayoutNeed::nchw; }
  void run(const RunContext& context) const override;
  CudaStep on_cuda(const CudaContext& context, const CudaValue& input) const override;

 private:
  std::int64_t dim_;
};

/// What lies before, on and behind the axis of a softmax. Throws InvalidArgument for no such axis.
struct SoftmaxExtents {
  std::int64_t outer = 1, c = 1, inner = 1;
};
SoftmaxExtents softmax_extents(const Shape& input, std::int64_t dim);

}  // namespace lamina::nn::detail
