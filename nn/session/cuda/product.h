// The step of a convolution or a linear layer on a CUDA device: both are one family of kernels.
#pragma once

#include <lamina/core/tensor.h>

#include "kernels/cuda/conv2d/conv2d.h"
#include "nn/session/cuda/step.h"

namespace lamina::nn::detail {

/// `conv` is for max_batch images: its n is max_batch, or a multiple of it where an image has
/// several rows. Puts the weights on the device; `bias` may be undefined.
CudaStep cuda_product(const CudaContext& context, const CudaValue& input,
                      const kernels::Conv2dProblem& conv, const Tensor& weight, const Tensor& bias);

/// Whether cuda_product() takes an input of e4m3.
bool cuda_product_takes_e4m3(const CudaContext& context, const kernels::Conv2dProblem& conv);

}  // namespace lamina::nn::detail
