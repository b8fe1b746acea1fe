#include "nn/session/run_alone.h"

#include <lamina/core/threads.h>

#include "nn/input.h"

namespace lamina::nn::detail {

Tensor run_alone(Op& op, const Tensor& given, const PrepareContext& context) {
  const Tensor input = f32_input(op.what(), given);
  Tensor output = Tensor::empty(op.output_shape(input.shape()));
  if (output.numel() == 0) return output;
  op.prepare(context, input.shape(), kernels::Layout::nchw);
  Tensor workspace = Tensor::empty(Shape{op.workspace_bytes()}, DType::u8);
  op.run({.input = input.data<float>(),
          .output = output.mutable_data<float>(),
          .workspace = static_cast<std::byte*>(workspace.mutable_raw_data()),
          .input_shape = input.shape(),
          .layout = kernels::Layout::nchw,
          .exec = {.threads = context.threads}});
  return output;
}

Tensor run_alone(Op& op, const Tensor& input) {
  return run_alone(op, input, {.features = usable_cpu_features(), .threads = available_threads()});
}

}  // namespace lamina::nn::detail
