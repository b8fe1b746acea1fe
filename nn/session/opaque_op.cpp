#include "nn/session/opaque_op.h"

#include "core/require.h"

#include <cstring>

namespace lamina::nn::detail {

Shape OpaqueOp::output_shape(const Shape& input) const {
  return module_(Tensor::zeros(input)).shape();
}

void OpaqueOp::run(const RunContext& context) const {
  const Tensor input = Tensor::wrap(context.input, context.input_shape, DType::f32, nullptr);
  const Tensor output = module_(input).contiguous();
  std::memcpy(context.output, output.data<float>(), static_cast<std::size_t>(output.nbytes()));
}

}  // namespace lamina::nn::detail
