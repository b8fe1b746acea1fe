// Where an element of an activation lies in memory, for either layout.
#pragma once

#include "kernels/common.h"

#include <cstdint>

namespace lamina::kernels {

/// Distances in elements between neighbours along each axis.
struct Strides {
  std::int64_t n, c, h, w;

  constexpr std::int64_t at(std::int64_t b, std::int64_t channel, std::int64_t y,
                            std::int64_t x) const {
    return b * n + channel * c + y * h + x * w;
  }
};

constexpr Strides strides_of(Layout layout, std::int64_t c, std::int64_t h, std::int64_t w) {
  if (layout == Layout::nchw) return {.n = c * h * w, .c = h * w, .h = w, .w = 1};
  return {.n = h * w * c, .c = 1, .h = w * c, .w = c};
}

}  // namespace lamina::kernels
