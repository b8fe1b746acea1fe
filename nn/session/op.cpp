#include "nn/session/op.h"

#include <lamina/core/error.h>

#include "nn/session/cuda/step.h"

#include <fmt/format.h>

namespace lamina::nn::detail {

CudaStep Op::on_cuda(const CudaContext&, const CudaValue&) const {
  throw Unsupported(fmt::format("[session] '{}' has no CUDA kernels", what()),
                    "run it with device cpu");
}

void Op::input_gradient(const GradientContext&) const {
  throw Unsupported(fmt::format("[gradient] '{}' has no gradient", what()));
}

}  // namespace lamina::nn::detail
