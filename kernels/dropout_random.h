// Which elements dropout sets to zero: by (seed, index) alone, the same on every device.
#pragma once

#include <cstdint>

namespace lamina::kernels {

/// SplitMix64's output function: a bijection whose bits all depend on all bits of its argument.
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// Whether element `index` is dropped with probability p.
constexpr bool is_dropped(std::uint64_t mixed_seed, std::int64_t index, float p) {
  const std::uint64_t bits = mix_bits(mixed_seed ^ static_cast<std::uint64_t>(index));
  // Uniform in [0, 1).
  return static_cast<double>(bits >> 11) * 0x1p-53 < static_cast<double>(p);
}

/// What the others are multiplied by.
constexpr float dropout_scale(float p) { return p < 1 ? 1 / (1 - p) : 0; }

}  // namespace lamina::kernels
