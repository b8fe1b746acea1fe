// A pair (height, width) that remembers whether it was written as one number, since PyTorch prints
// kernel_size=2 and kernel_size=(2, 2) as they were given.
#pragma once

#include <lamina/core/export.h>

#include <cstdint>
#include <string>

namespace lamina::nn {

struct LAMINA_API Size2 {
  /// In an adaptive pool's output size: as large as the input.
  static constexpr std::int64_t kNone = -1;

  std::int64_t h = 1, w = 1;
  bool scalar = true;

  constexpr Size2() = default;
  constexpr Size2(std::int64_t both) : h(both), w(both) {}  // NOLINT: {.kernel_size = 3}
  constexpr Size2(std::int64_t height, std::int64_t width) : h(height), w(width), scalar(false) {}

  bool operator==(const Size2& other) const { return h == other.h && w == other.w; }
};

/// "2" or "(2, 3)"; None for kNone.
LAMINA_API std::string to_string(const Size2& size);
/// Always the pair: "(2, 2)".
LAMINA_API std::string to_pair_string(const Size2& size);

}  // namespace lamina::nn
