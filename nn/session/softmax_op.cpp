#include "nn/session/softmax_op.h"

#include "core/require.h"
#include "kernels/classify.h"
#include "kernels/cuda/classify.h"
#include "nn/session/cuda/step.h"

namespace lamina::nn::detail {

SoftmaxExtents softmax_extents(const Shape& input, std::int64_t dim) {
  const std::int64_t axis = dim < 0 ? dim + input.rank() : dim;
  LAMINA_REQUIRE(axis >= 0 && axis < input.rank(), "[softmax] dim {} of an input of shape {}", dim,
                 input);
  SoftmaxExtents extents;
  for (int i = 0; i < input.rank(); ++i) {
    (i < axis ? extents.outer : i == axis ? extents.c : extents.inner) *= input[i];
  }
  return extents;
}

Shape SoftmaxOp::output_shape(const Shape& input) const {
  softmax_extents(input, dim_);
  return input;
}

void SoftmaxOp::run(const RunContext& context) const {
  const SoftmaxExtents e = softmax_extents(context.input_shape, dim_);
  kernels::softmax_forward(e.outer, e.c, e.inner, context.input, context.output, context.exec);
}

CudaStep SoftmaxOp::on_cuda(const CudaContext&, const CudaValue& input) const {
  const auto enqueue = [value = input, dim = dim_](const CudaRun& run) {
    const SoftmaxExtents e = softmax_extents(value.shape.with(0, run.n), dim);
    kernels::cuda::softmax_forward(run.stream, value.element(), e.outer, e.c, e.inner, run.input,
                                   run.output);
  };
  return {.enqueue = enqueue, .output = input.format};
}

}  // namespace lamina::nn::detail
