#include "tools/lamina_convert/tensor_stats.h"

#include "core/parallel.h"

#include <lamina/core/threads.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace lamina::tools {
namespace {

// A slice at a time, so that the copy in double stays in the cache.
constexpr std::int64_t kSlice = 1 << 14;

// With the sum of squared distances from the mean in the place of the deviation.
TensorStats slice_stats(const Tensor& slice) {
  TensorStats stats;
  const Tensor wide = slice.to(DType::f64);
  double sum = 0;
  for (const double value : wide.values<double>()) {
    stats.not_numbers += std::isnan(value) ? 1 : 0;
    stats.infinities += std::isinf(value) ? 1 : 0;
    if (!std::isfinite(value)) continue;
    stats.least = stats.finite == 0 ? value : std::min(stats.least, value);
    stats.most = stats.finite == 0 ? value : std::max(stats.most, value);
    ++stats.finite;
    sum += value;
  }
  if (stats.finite == 0) return stats;
  stats.mean = sum / static_cast<double>(stats.finite);
  for (const double value : wide.values<double>()) {
    if (std::isfinite(value)) stats.deviation += (value - stats.mean) * (value - stats.mean);
  }
  return stats;
}

// The figures of both together: Chan, Golub and LeVeque's update, without cancellation.
void add(TensorStats& all, const TensorStats& part) {
  all.not_numbers += part.not_numbers;
  all.infinities += part.infinities;
  if (part.finite == 0) return;
  all.least = all.finite == 0 ? part.least : std::min(all.least, part.least);
  all.most = all.finite == 0 ? part.most : std::max(all.most, part.most);
  const auto before = static_cast<double>(all.finite), more = static_cast<double>(part.finite);
  const double apart = part.mean - all.mean;
  all.finite += part.finite;
  all.mean += apart * (more / (before + more));
  all.deviation += part.deviation + apart * apart * (before * more / (before + more));
}

}  // namespace

TensorStats tensor_stats(const Tensor& tensor) {
  const Tensor flat = tensor.contiguous().reshape({tensor.numel()});
  const std::int64_t slices = (flat.numel() + kSlice - 1) / kSlice;
  std::vector<TensorStats> parts(static_cast<std::size_t>(slices));
  parallel_for(available_threads(), slices, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      parts[static_cast<std::size_t>(i)] =
          slice_stats(flat.slice(0, i * kSlice, std::min(flat.numel(), (i + 1) * kSlice)));
    }
  });
  // In the order of the slices: the figures do not depend on the threads.
  TensorStats stats;
  for (const TensorStats& part : parts) add(stats, part);
  if (stats.finite > 0)
    stats.deviation = std::sqrt(stats.deviation / static_cast<double>(stats.finite));
  return stats;
}

}  // namespace lamina::tools
