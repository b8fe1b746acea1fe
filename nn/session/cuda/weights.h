// Weights on a CUDA device, shared by all sessions of a model.
#pragma once

#include <lamina/core/tensor.h>

#include "kernels/cuda/conv2d/conv2d.h"
#include "nn/session/cuda/step.h"

#include <memory>

namespace lamina::nn::detail {

using CudaMemory = std::shared_ptr<const kernels::cuda::DeviceMemory>;

/// The tensor's float32 values as they are, or null where it is undefined.
CudaMemory upload_f32(const CudaContext& context, const Tensor& tensor);

/// A convolution's (or linear layer's) weight packed for the problem. Of a large weight only a few
/// megabytes at a time are packed on the host, and none where it is packed as it lies.
CudaMemory upload_packed(const CudaContext& context, const kernels::cuda::Conv2dProblem& problem,
                         const Tensor& weight);

/// cuda::fp8_weight_scale() of each output channel: [c_out].
Tensor fp8_weight_scales(const Tensor& weight);

inline const float* f32_or_null(const CudaMemory& memory) {
  return memory ? memory->as<const float>() : nullptr;
}

}  // namespace lamina::nn::detail
