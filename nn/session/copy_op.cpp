#include "nn/session/copy_op.h"

#include "kernels/elementwise.h"
#include "nn/session/cuda/step.h"

#include <cstring>

namespace lamina::nn::detail {

void CopyOp::run(const RunContext& context) const {
  std::memcpy(context.output, context.input,
              static_cast<std::size_t>(context.input_shape.numel()) * sizeof(float));
}

CudaStep CopyOp::on_cuda(const CudaContext&, const CudaValue& input) const {
  return {.enqueue = {}, .output = input.format};
}

void CopyOp::input_gradient(const GradientContext& context) const {
  std::memcpy(context.input_gradient, context.output_gradient,
              static_cast<std::size_t>(context.input_shape.numel()) * sizeof(float));
}

void ConvertLayoutOp::run(const RunContext& context) const {
  const Shape& shape = context.input_shape;
  kernels::convert_layout(context.layout, to_, shape[0], shape[1], shape[2] * shape[3],
                          context.input, context.output, context.exec);
}

}  // namespace lamina::nn::detail
