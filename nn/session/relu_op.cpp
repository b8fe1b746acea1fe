#include "nn/session/relu_op.h"

#include "kernels/elementwise.h"

namespace lamina::nn::detail {

void ReluOp::run(const RunContext& context) const {
  kernels::relu_forward(context.input, context.output, context.input_shape.numel(), context.exec);
}

}  // namespace lamina::nn::detail
