#include "nn/session/relu_op.h"

#include "kernels/cuda/pointwise.h"
#include "kernels/elementwise.h"
#include "kernels/gradients.h"
#include "nn/session/cuda/step.h"

namespace lamina::nn::detail {

void ReluOp::run(const RunContext& context) const {
  kernels::relu_forward(context.input, context.output, context.input_shape.numel(), context.exec);
}

void ReluOp::input_gradient(const GradientContext& context) const {
  kernels::relu_gradient(context.input, context.output_gradient, context.input_gradient,
                         context.input_shape.numel(), context.exec);
}

CudaStep ReluOp::on_cuda(const CudaContext&, const CudaValue& input) const {
  const auto enqueue = [value = input](const CudaRun& run) {
    kernels::cuda::relu_forward(run.stream, value.element(), run.input, run.output,
                                value.shape.with(0, run.n).numel());
  };
  return {.enqueue = enqueue, .output = input.format};
}

}  // namespace lamina::nn::detail
