#include "serialization/pth/dequantize.h"

#include <algorithm>

namespace lamina::serialization {

Tensor dequantize(const Tensor& quantised, double scale, std::int64_t zero_point) {
  const Tensor integers = quantised.to(DType::i32);
  Tensor result = Tensor::empty(quantised.shape());
  const auto factor = static_cast<float>(scale);
  std::ranges::transform(
      integers.values<std::int32_t>(), result.mutable_data<float>(),
      [&](std::int64_t q) { return static_cast<float>(q - zero_point) * factor; });
  return result;
}

Tensor dequantize(const Tensor& quantised, const Tensor& scales, const Tensor& zero_points,
                  int axis) {
  const Tensor integers = quantised.to(DType::i32);
  const Tensor factors = scales.contiguous().to(DType::f32);
  const Tensor zeros = zero_points.contiguous().to(DType::i64);
  const std::span q = integers.values<std::int32_t>();
  const std::span factor = factors.values<float>();
  const std::span zero = zeros.values<std::int64_t>();
  std::size_t inner = 1;  // elements of one index of the axis
  for (int i = axis + 1; i < quantised.rank(); ++i)
    inner *= static_cast<std::size_t>(quantised.size(i));
  Tensor result = Tensor::empty(quantised.shape());
  float* const out = result.mutable_data<float>();
  for (std::size_t i = 0; i < q.size(); ++i) {
    const std::size_t channel = i / inner % factor.size();
    out[i] = static_cast<float>(q[i] - zero[channel]) * factor[channel];
  }
  return result;
}

}  // namespace lamina::serialization
