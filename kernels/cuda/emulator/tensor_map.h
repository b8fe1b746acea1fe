// ptx/tensor_map.cuh for the host compiler: what the copy engine needs to know of a tensor.
#pragma once

#include "kernels/cuda/emulator/language.h"

#include <cstdint>
#include <string>

namespace lamina::kernels::cuda {

inline constexpr int kMostDimensions = 5;

/// Dimensions with the innermost first; its elements are neighbours.
struct TensorMap {
  char* data = nullptr;
  int rank = 0, element_bytes = 0;
  std::int64_t size[kMostDimensions] = {}, stride_bytes[kMostDimensions] = {};
  int box[kMostDimensions] = {};

  int row_bytes() const { return box[0] * element_bytes; }
  int box_bytes() const {
    int bytes = row_bytes();
    for (int i = 1; i < rank; ++i) bytes *= box[i];
    return bytes;
  }
};

}  // namespace lamina::kernels::cuda
