#include <lamina/core/dtype.h>

#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <utility>

namespace lamina {
namespace {

struct DTypeInfo {
  DType dtype;
  const char* name;
  std::int64_t size_bytes;
  bool floating;
};

constexpr std::array<DTypeInfo, 10> kDTypes{{{DType::f32, "f32", 4, true},
                                             {DType::f64, "f64", 8, true},
                                             {DType::f16, "f16", 2, true},
                                             {DType::bf16, "bf16", 2, true},
                                             {DType::i8, "i8", 1, false},
                                             {DType::u8, "u8", 1, false},
                                             {DType::i16, "i16", 2, false},
                                             {DType::i32, "i32", 4, false},
                                             {DType::i64, "i64", 8, false},
                                             {DType::boolean, "bool", 1, false}}};

const DTypeInfo& info(DType dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  assert(index < kDTypes.size() && kDTypes[index].dtype == dtype);
  return kDTypes[index];
}

}  // namespace

std::int64_t size_of(DType dtype) { return info(dtype).size_bytes; }
const char* to_string(DType dtype) { return info(dtype).name; }
bool is_floating(DType dtype) { return info(dtype).floating; }

std::optional<DType> parse_dtype(std::string_view name) {
  for (const DTypeInfo& entry : kDTypes) {
    if (name == entry.name) return entry.dtype;
  }
  return std::nullopt;
}

float to_float(BFloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

BFloat16 to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return {static_cast<std::uint16_t>((bits >> 16) | 0x0040u)};
  // Half of the last kept bit, less one where that bit is even: ties go to even.
  const std::uint32_t rounding = 0x7fffu + ((bits >> 16) & 1u);
  return {static_cast<std::uint16_t>((bits + rounding) >> 16)};
}

float to_float(Half value) {
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000u) << 16;
  const std::uint32_t exponent = (value.bits >> 10) & 0x1fu;
  const std::uint32_t mantissa = value.bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) {
    // Subnormal: mantissa * 2^-24, exact in float.
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

Half to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const auto with_sign = [sign](std::uint32_t low) {
    return Half{static_cast<std::uint16_t>(sign | low)};
  };
  if (magnitude > 0x7f800000u) return with_sign(0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return with_sign(0x7c00u);  // >= 65520 rounds to infinity
  if (magnitude < 0x38800000u) {                            // < 2^-14: a multiple of 2^-24
    const float scaled = std::bit_cast<float>(magnitude) * 0x1p24f;
    return with_sign(static_cast<std::uint32_t>(std::nearbyint(scaled)));
  }
  const std::uint32_t rounding = 0xfffu + ((magnitude >> 13) & 1u);
  return with_sign((magnitude + rounding - 0x38000000u) >> 13);
}

}  // namespace lamina
