// From quantised integers back to real numbers.
#pragma once

#include <lamina/core/tensor.h>

#include <cstdint>

namespace lamina::serialization {

/// (q - zero_point) * scale, in f32; the difference is taken in integers, as in PyTorch.
/// Shapes:   any contiguous tensor of whole numbers
Tensor dequantize(const Tensor& quantised, double scale, std::int64_t zero_point);

/// The same with a scale and a zero point for each index of an axis.
/// Requires: as many of both as the axis has indices (unchecked)
Tensor dequantize(const Tensor& quantised, const Tensor& scales, const Tensor& zero_points,
                  int axis);

}  // namespace lamina::serialization
