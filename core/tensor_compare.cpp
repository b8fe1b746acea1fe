#include <lamina/core/tensor.h>

#include "core/require.h"

#include <cmath>
#include <cstring>

namespace lamina {

bool equal_bits(const Tensor& a, const Tensor& b) {
  if (a.defined() != b.defined()) return false;
  if (!a.defined()) return true;
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor left = a.contiguous();
  const Tensor right = b.contiguous();
  return left.numel() == 0 || std::memcmp(left.raw_data(), right.raw_data(),
                                          static_cast<std::size_t>(left.nbytes())) == 0;
}

Difference difference(const Tensor& a, const Tensor& b) {
  LAMINA_REQUIRE(a.shape() == b.shape(), "[difference] shapes {} and {} differ", a.shape(),
                 b.shape());
  const Tensor left = a.to(DType::f64).contiguous();
  const Tensor right = b.to(DType::f64).contiguous();
  const double* x = left.data<double>();
  const double* y = right.data<double>();
  Difference result;
  double xx = 0, yy = 0, xy = 0;
  for (std::int64_t i = 0; i < left.numel(); ++i) {
    xx += x[i] * x[i];
    yy += y[i] * y[i];
    xy += x[i] * y[i];
    // The same infinity on both sides is no difference, though inf - inf is NaN.
    const bool same = x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]));
    const double apart = same ? 0.0 : std::abs(x[i] - y[i]);
    result.differing += same ? 0 : 1;
    if (!(apart <= result.max_abs) && !std::isnan(result.max_abs)) {  // NaN wins, once
      result.max_abs = apart;
      result.worst_index = i;
    }
    if (std::abs(y[i]) > result.max_abs_reference) result.max_abs_reference = std::abs(y[i]);
  }
  if (xx > 0 || yy > 0) result.cosine = xy / std::sqrt(xx * yy);
  return result;
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol) {
  if (a.shape() != b.shape()) return false;
  const Tensor left = a.to(DType::f64).contiguous();
  const Tensor right = b.to(DType::f64).contiguous();
  const double* x = left.data<double>();
  const double* y = right.data<double>();
  for (std::int64_t i = 0; i < left.numel(); ++i) {
    if (x[i] == y[i]) continue;  // equal infinities
    if (!(std::abs(x[i] - y[i]) <= atol + rtol * std::abs(y[i])) || std::isinf(y[i])) return false;
  }
  return true;
}

}  // namespace lamina
