#include "nn/session/run_alone.h"

#include <lamina/core/threads.h>

#include "nn/input.h"

namespace lamina::nn::detail {

Tensor run_alone(Op& op, const Tensor& given, int threads) {
  const Tensor input = f32_input(op.what(), given);
  if (threads == 0) threads = available_threads();
  Tensor output = Tensor::empty(op.output_shape(input.shape()));
  if (output.numel() == 0) return output;
  op.prepare({.features = usable_cpu_features(), .threads = threads}, input.shape(),
             kernels::Layout::nchw);
  Tensor workspace = Tensor::empty(Shape{op.workspace_bytes()}, DType::u8);
  op.run({.input = input.data<float>(),
          .output = output.mutable_data<float>(),
          .workspace = static_cast<std::byte*>(workspace.mutable_raw_data()),
          .input_shape = input.shape(),
          .layout = kernels::Layout::nchw,
          .exec = {.threads = threads}});
  return output;
}

}  // namespace lamina::nn::detail
