// e4m3: a sign, 4 bits of exponent, 3 of mantissa. 448 is the largest, 2^-9 the smallest; there are
// NaNs, but no infinities.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace lamina::kernels::cuda {

struct E4m3 {
  std::uint8_t bits;
};

inline constexpr float kLargestE4m3 = 448;

/// To nearest, ties to even; what is too large becomes the largest, infinities too; a NaN stays
/// one.
inline E4m3 to_e4m3(float value) {
  const auto sign = static_cast<std::uint8_t>(std::signbit(value) ? 0x80 : 0);
  if (std::isnan(value)) return {static_cast<std::uint8_t>(sign | 0x7f)};
  const float magnitude = std::fabs(value);
  if (magnitude >= kLargestE4m3) return {static_cast<std::uint8_t>(sign | 0x7e)};
  if (magnitude < 0x1p-6f) {
    // Below the normal numbers: adding 2^14 leaves multiples of 2^-9 in the last bits, rounded.
    const auto shifted = std::bit_cast<std::uint32_t>(magnitude + 0x1p14f);
    return {static_cast<std::uint8_t>(sign | (shifted - std::bit_cast<std::uint32_t>(0x1p14f)))};
  }
  const auto bits = std::bit_cast<std::uint32_t>(magnitude);
  const std::uint32_t rounded = bits + 0x7ffff + (bits >> 20 & 1);
  return {static_cast<std::uint8_t>(sign | ((rounded >> 20) - (120u << 3)))};
}

inline float from_e4m3(E4m3 number) {
  const std::uint32_t sign = std::uint32_t{number.bits} >> 7 << 31;
  const std::uint32_t exponent = number.bits >> 3 & 15, fraction = number.bits & 7;
  if (exponent == 15 && fraction == 7) return std::bit_cast<float>(sign | 0x7fc00000u);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 120) << 23 | fraction << 20);
  const float magnitude = static_cast<float>(fraction) * 0x1p-9f;
  return sign != 0 ? -magnitude : magnitude;
}

/// The power of two that brings values of up to `range` below 448, `headroom` times over: value =
/// number * scale. A power of two, so that scaling itself rounds nothing. 1 for a range of 0.
inline float e4m3_scale(float range, float headroom) {
  if (!(range > 0)) return 1;
  int exponent = 0;
  const double mantissa = std::frexp(double{range} * double{headroom} / kLargestE4m3, &exponent);
  // Far from float32's ends, so that products and quotients of scales are exact too.
  exponent = std::clamp(mantissa > 0.5 ? exponent : exponent - 1, -40, 40);
  return std::ldexp(1.0f, exponent);
}

}  // namespace lamina::kernels::cuda
