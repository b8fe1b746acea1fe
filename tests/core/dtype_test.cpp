#include <lamina/core/dtype.h>

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

using namespace lamina;

namespace {

// The definition, in double, of what 16 bits mean with so many bits of exponent and mantissa.
double value_of(std::uint32_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const auto exponent = static_cast<int>((bits >> mantissa_bits) & ((1u << exponent_bits) - 1));
  const double mantissa = bits & ((1u << mantissa_bits) - 1);
  const double sign = (bits >> 15) != 0 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * HUGE_VAL;
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign *
         std::ldexp(std::ldexp(1.0, mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
}

double half_value(std::uint32_t bits) { return value_of(bits, 5, 10); }
double bfloat16_value(std::uint32_t bits) { return value_of(bits, 8, 7); }

bool same(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b && std::signbit(a) == std::signbit(b);
}

std::uint16_t half_bits(float value) { return to_half(value).bits; }
std::uint16_t bfloat16_bits(float value) { return to_bfloat16(value).bits; }

}  // namespace

TEST_CASE("dtype: names and sizes go both ways", "[core][dtype]") {
  struct Row {
    DType dtype;
    const char* name;
    int size_bytes;
    bool floating;
  };
  for (const Row& row : {Row{DType::f32, "f32", 4, true}, Row{DType::f64, "f64", 8, true},
                         Row{DType::f16, "f16", 2, true}, Row{DType::bf16, "bf16", 2, true},
                         Row{DType::i8, "i8", 1, false}, Row{DType::u8, "u8", 1, false},
                         Row{DType::i16, "i16", 2, false}, Row{DType::i32, "i32", 4, false},
                         Row{DType::i64, "i64", 8, false}, Row{DType::boolean, "bool", 1, false}}) {
    INFO(row.name);
    CHECK(std::string_view(to_string(row.dtype)) == row.name);
    CHECK(parse_dtype(row.name) == row.dtype);
    CHECK(size_of(row.dtype) == row.size_bytes);
    CHECK(is_floating(row.dtype) == row.floating);
  }
  CHECK_FALSE(parse_dtype("float32").has_value());
  CHECK_FALSE(parse_dtype("F32").has_value());
  CHECK_FALSE(parse_dtype("").has_value());
}

TEST_CASE("dtype: each of the 65536 halves means what its bits say", "[core][dtype]") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    if (!same(to_float(half), half_value(bits))) ++wrong;
    if (!std::isnan(to_float(half)) && to_half(to_float(half)).bits != bits) ++wrong;
    if (std::isnan(to_float(half)) && !std::isnan(to_float(to_half(to_float(half))))) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("dtype: each of the 65536 bfloat16s means what its bits say", "[core][dtype]") {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const BFloat16 value{static_cast<std::uint16_t>(bits)};
    if (!same(to_float(value), bfloat16_value(bits))) ++wrong;
    if (!std::isnan(to_float(value)) && to_bfloat16(to_float(value)).bits != bits) ++wrong;
    if (std::isnan(to_float(value)) && !std::isnan(to_float(to_bfloat16(to_float(value))))) ++wrong;
  }
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("dtype: between two neighbours the nearer wins, and a tie goes to the even one",
                   "[core][dtype]", Half, BFloat16) {
  const auto narrow = [](float value) -> std::uint32_t {
    if constexpr (std::is_same_v<TestType, Half>) return half_bits(value);
    return bfloat16_bits(value);
  };
  const std::uint32_t infinity = std::is_same_v<TestType, Half> ? 0x7c00 : 0x7f80;
  int wrong = 0;
  for (std::uint32_t low = 0; low + 1 < infinity; ++low) {
    const float below = to_float(TestType{static_cast<std::uint16_t>(low)});
    const float above = to_float(TestType{static_cast<std::uint16_t>(low + 1)});
    const float middle = below + (above - below) / 2;  // exact: float has bits to spare
    if (narrow(std::nextafter(middle, 0.0f)) != low) ++wrong;
    if (narrow(std::nextafter(middle, HUGE_VALF)) != low + 1) ++wrong;
    if (narrow(middle) != low + (low & 1)) ++wrong;
    if (narrow(-middle) != (0x8000 | (low + (low & 1)))) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("dtype: past the largest finite value comes infinity, from half a step on",
          "[core][dtype]") {
  CHECK(half_bits(65504.0f) == 0x7bff);
  CHECK(half_bits(std::nextafter(65520.0f, 0.0f)) == 0x7bff);
  CHECK(half_bits(65520.0f) == 0x7c00);
  CHECK(half_bits(-1e30f) == 0xfc00);
  CHECK(half_bits(HUGE_VALF) == 0x7c00);
  const float bf16_max = std::bit_cast<float>(0x7f7f0000u);
  CHECK(bfloat16_bits(bf16_max) == 0x7f7f);
  CHECK(bfloat16_bits(std::bit_cast<float>(0x7f7f7fffu)) == 0x7f7f);
  CHECK(bfloat16_bits(std::bit_cast<float>(0x7f7f8000u)) == 0x7f80);
  CHECK(bfloat16_bits(-HUGE_VALF) == 0xff80);
}

TEST_CASE("dtype: no NaN becomes an infinity, whatever its payload", "[core][dtype]") {
  for (std::uint32_t bits : {0x7f800001u, 0x7fc00000u, 0x7fffffffu, 0xff800001u, 0xffc01234u}) {
    INFO(bits);
    const float nan = std::bit_cast<float>(bits);
    CHECK(std::isnan(to_float(to_half(nan))));
    CHECK(std::isnan(to_float(to_bfloat16(nan))));
  }
}

TEST_CASE("dtype: values too small for a half become a zero of their sign", "[core][dtype]") {
  CHECK(half_bits(0x1p-25f) == 0x0000);  // a tie between 0 and the smallest: even
  CHECK(half_bits(std::nextafter(0x1p-25f, 1.0f)) == 0x0001);
  CHECK(half_bits(-0x1p-30f) == 0x8000);
  CHECK(half_bits(std::numeric_limits<float>::denorm_min()) == 0x0000);
}
