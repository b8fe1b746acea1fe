#include "vision/resize_taps.h"

#include <algorithm>
#include <cmath>

namespace lamina::vision {

TapTable::TapTable(std::int64_t in, std::int64_t out, std::int64_t begin, std::int64_t count) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double support = std::max(scale, 1.0);  // of the triangle, to each side
  const double inverse = 1.0 / support;
  stride_ = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  ranges_.reserve(static_cast<std::size_t>(count));
  weights_.resize(static_cast<std::size_t>(count * stride_));

  std::vector<double> exact(static_cast<std::size_t>(stride_));
  for (std::int64_t i = 0; i < count; ++i) {
    const double center = (static_cast<double>(begin + i) + 0.5) * scale;
    const auto low = static_cast<std::int64_t>(center - support + 0.5);
    const auto high = static_cast<std::int64_t>(center + support + 0.5);
    const Range range{std::max<std::int64_t>(low, 0), std::min(high, in)};
    double total = 0;
    for (std::int64_t x = range.begin; x < range.end; ++x) {
      const double distance = std::abs((static_cast<double>(x) - center + 0.5) * inverse);
      const double weight = distance < 1.0 ? 1.0 - distance : 0.0;
      exact[static_cast<std::size_t>(x - range.begin)] = weight;
      total += weight;
    }
    std::int32_t* weights = weights_.data() + i * stride_;
    for (std::int64_t k = 0; k < range.end - range.begin; ++k) {
      const double weight = exact[static_cast<std::size_t>(k)] / total;
      weights[k] = static_cast<std::int32_t>(0.5 + weight * (1 << kFractionBits));
    }
    ranges_.push_back(range);
  }
}

bool goes_down_first(Size from, Size to) {
  const std::int64_t lost_width = std::max<std::int64_t>(from.width - to.width, 0);
  return from.height > to.height && from.height - to.height > 2 * lost_width;
}

}  // namespace lamina::vision
