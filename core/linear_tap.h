// Values of an axis stretched over another: between which two each position lies.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lamina {

struct LinearTap {
  std::int64_t first, second;
  float part;  ///< of the second, from 0 to 1
};

/// Position i of `count` over which `size` values are stretched, each in the middle of its share;
/// beyond the outermost middles there is one value. (Bilinear with align_corners=False, an axis.)
inline LinearTap linear_tap(std::int64_t i, std::int64_t count, std::int64_t size) {
  const double scale = static_cast<double>(size) / static_cast<double>(count);
  const double at = (static_cast<double>(i) + 0.5) * scale - 0.5;
  const double inside = std::clamp(at, 0.0, static_cast<double>(size - 1));
  const auto first = static_cast<std::int64_t>(inside);
  const double part = inside - static_cast<double>(first);
  return {first, part > 0 ? first + 1 : first, static_cast<float>(part)};
}

}  // namespace lamina
