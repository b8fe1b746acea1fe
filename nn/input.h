// What every layer's forward() asks of its input and its weights.
#pragma once

#include <lamina/core/tensor.h>

#include "core/require.h"

#include <string_view>

namespace lamina::nn {

/// The input, contiguous. Throws InvalidArgument where it is undefined or not f32.
inline Tensor f32_input(std::string_view layer, const Tensor& input) {
  LAMINA_REQUIRE(input.defined(), "[{}] the input is undefined", layer);
  LAMINA_REQUIRE(input.dtype() == DType::f32, "[{}] input is {}, expected f32", layer,
                 to_string(input.dtype()));
  return input.contiguous();
}

/// A weight as the kernels take it: f32 and contiguous, itself where it is; undefined stays so.
inline Tensor f32_weight(const Tensor& weight) {
  return weight.defined() ? weight.to(DType::f32).contiguous() : Tensor();
}

inline const float* data_or_null(const Tensor& tensor) {
  return tensor.defined() ? tensor.data<float>() : nullptr;
}

}  // namespace lamina::nn
