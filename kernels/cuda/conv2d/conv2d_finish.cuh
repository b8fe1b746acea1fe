// What every convolution does with its sums at the end.
#pragma once

#include "kernels/cuda/conv2d/conv2d_shape.h"
#include "kernels/cuda/language.cuh"

namespace lamina::kernels::cuda {

/// The larger, and NaN where one of the two is.
__device__ __forceinline__ float larger_or_nan(float a, float b) {
  return a > b || isnan(a) ? a : b;
}

/// Neighbouring channels, written together.
template <typename T, int kWidth>
struct alignas(sizeof(T) * kWidth) Run {
  T values[kWidth];
};

/// Scale, bias and ReLU of a sum.
struct Finish {
  GlobalPtr<const float> bias;
  bool has_bias, relu;
  GlobalPtr<const float> scale = nullptr;
  bool has_scale = false;

  __device__ float operator()(float sum, int channel) const {
    if (has_scale) {
      const float factor = scale[channel];
      sum *= factor;
    }
    if (has_bias) {
      const float term = bias[channel];
      sum += term;
    }
    return relu && sum < 0 ? 0 : sum;
  }
};

inline Finish finish_of(const ConvPointers& pointers, bool relu) {
  return {pointers.bias, pointers.bias != nullptr, relu, pointers.scale, pointers.scale != nullptr};
}

}  // namespace lamina::kernels::cuda
