#include "tools/lamina_convert/tensor_stats.h"

#include <algorithm>
#include <cmath>

namespace lamina::tools {

TensorStats tensor_stats(const Tensor& tensor) {
  // A slice at a time, so that the copy in double stays small.
  constexpr std::int64_t kSlice = 1 << 16;
  const Tensor flat = tensor.contiguous().reshape({tensor.numel()});
  TensorStats stats;
  std::int64_t count = 0;
  double squares = 0;
  for (std::int64_t begin = 0; begin < flat.numel(); begin += kSlice) {
    const std::int64_t end = std::min(flat.numel(), begin + kSlice);
    const Tensor part = flat.slice(0, begin, end).to(DType::f64);
    for (const double value : part.values<double>()) {
      stats.not_numbers += std::isnan(value) ? 1 : 0;
      stats.infinities += std::isinf(value) ? 1 : 0;
      if (!std::isfinite(value)) continue;
      stats.least = count == 0 ? value : std::min(stats.least, value);
      stats.most = count == 0 ? value : std::max(stats.most, value);
      // Welford's update: no cancellation for a large mean.
      ++count;
      const double delta = value - stats.mean;
      stats.mean += delta / static_cast<double>(count);
      squares += delta * (value - stats.mean);
    }
  }
  if (count > 0) stats.deviation = std::sqrt(squares / static_cast<double>(count));
  return stats;
}

}  // namespace lamina::tools
