#include <lamina/core/tensor.h>

#include "core/require.h"
#include "core/strided_copy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
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

namespace {

// Calls f(i, a_i, b_i) on every pair of elements as doubles, until it returns false; true where it
// never did. Converts in blocks that stay in the cache: two models of 500 MB take no memory more.
template <typename F>
bool every_pair(const Tensor& a, const Tensor& b, F f) {
  constexpr std::int64_t kBlock = 2048;
  std::array<double, kBlock> x, y;
  const Tensor left = a.contiguous();
  const Tensor right = b.contiguous();
  for (std::int64_t begin = 0; begin < left.numel(); begin += kBlock) {
    const std::int64_t count = std::min(kBlock, left.numel() - begin);
    const auto load = [begin, count](const Tensor& from, double* to) {
      const auto* bytes = static_cast<const std::byte*>(from.raw_data());
      detail::convert(bytes + begin * size_of(from.dtype()), from.dtype(), to, DType::f64, count);
    };
    load(left, x.data());
    load(right, y.data());
    for (std::int64_t i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (!f(begin + i, x[at], y[at])) return false;
    }
  }
  return true;
}

}  // namespace

Difference difference(const Tensor& a, const Tensor& b) {
  LAMINA_REQUIRE(a.shape() == b.shape(), "[difference] shapes {} and {} differ", a.shape(),
                 b.shape());
  Difference result;
  double xx = 0, yy = 0, xy = 0;
  every_pair(a, b, [&](std::int64_t i, double x, double y) {
    xx += x * x;
    yy += y * y;
    xy += x * y;
    // The same infinity on both sides is no difference, though inf - inf is NaN.
    const bool same = x == y || (std::isnan(x) && std::isnan(y));
    const double apart = same ? 0.0 : std::abs(x - y);
    result.differing += same ? 0 : 1;
    if (!(apart <= result.max_abs) && !std::isnan(result.max_abs)) {  // NaN wins, once
      result.max_abs = apart;
      result.worst_index = i;
    }
    if (std::abs(y) > result.max_abs_reference) result.max_abs_reference = std::abs(y);
    return true;
  });
  const double lengths = std::sqrt(xx) * std::sqrt(yy);
  if (lengths != 0) {
    result.cosine = xy / lengths;
  } else {
    result.cosine = xx == yy ? 1 : 0;
  }
  return result;
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol) {
  if (a.shape() != b.shape()) return false;
  return every_pair(a, b, [rtol, atol](std::int64_t, double x, double y) {
    if (x == y) return true;  // equal infinities
    return std::abs(x - y) <= atol + rtol * std::abs(y) && !std::isinf(y);
  });
}

}  // namespace lamina
