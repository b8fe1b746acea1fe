// What every convolution does with its sums at the end.
#pragma once

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

/// Bias and ReLU of a sum.
struct Finish {
  GlobalPtr<const float> bias;
  bool has_bias, relu;

  __device__ float operator()(float sum, int channel) const {
    if (has_bias) {
      const float term = bias[channel];
      sum += term;
    }
    return relu && sum < 0 ? 0 : sum;
  }
};

}  // namespace lamina::kernels::cuda
