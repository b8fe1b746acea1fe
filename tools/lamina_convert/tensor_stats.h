// Figures of one tensor for people to look at.
#pragma once

#include <lamina/core/tensor.h>

#include <cstdint>

namespace lamina::tools {

/// Over the finite elements, in double; zeros where there are none.
struct TensorStats {
  double least = 0, most = 0, mean = 0, deviation = 0;
  std::int64_t finite = 0, not_numbers = 0, infinities = 0;
};

TensorStats tensor_stats(const Tensor& tensor);

}  // namespace lamina::tools
