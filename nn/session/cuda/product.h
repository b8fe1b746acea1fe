// The step of a convolution or a linear layer on a CUDA device: both are one family of kernels.
#pragma once

#include <lamina/core/tensor.h>

#include "kernels/cuda/conv2d/conv2d.h"
#include "nn/session/cuda/step.h"

namespace lamina::nn::detail {

/// `problem` is for max_batch images: its conv.n is max_batch, or a multiple of it where an image
/// has several rows. Puts the weights on the device; `bias` may be undefined.
CudaStep cuda_product(const CudaContext& context, const kernels::cuda::Conv2dProblem& problem,
                      const Tensor& weight, const Tensor& bias);

}  // namespace lamina::nn::detail
