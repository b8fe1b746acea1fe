// Tensor::to(dtype), and the conversions beneath it.
#include <lamina/core/tensor.h>

#include "core/strided_copy.h"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace lamina;

namespace {

template <typename To, typename From>
To converted(From value) {
  const Tensor one = Tensor::from(std::span<const From>(&value, 1), {1});
  return one.to(dtype_of<To>).template data<To>()[0];
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("convert: floating to integer truncates toward zero", "[core][convert]") {
  CHECK(converted<std::int32_t>(2.9f) == 2);
  CHECK(converted<std::int32_t>(-2.9f) == -2);
  CHECK(converted<std::uint8_t>(-0.5) == 0);
  CHECK(converted<std::int8_t>(to_half(-3.75f)) == -3);
}

TEST_CASE("convert: floating to integer saturates, and NaN becomes 0", "[core][convert]") {
  CHECK(converted<std::int8_t>(127.9f) == 127);
  CHECK(converted<std::int8_t>(128.0f) == 127);
  CHECK(converted<std::int8_t>(-128.9f) == -128);
  CHECK(converted<std::uint8_t>(-1.0f) == 0);
  CHECK(converted<std::uint8_t>(1e9f) == 255);
  CHECK(converted<std::int32_t>(kInfinity) == INT32_MAX);
  CHECK(converted<std::int64_t>(0x1p63) == INT64_MAX);
  CHECK(converted<std::int64_t>(std::nextafter(0x1p63, 0.0)) == INT64_MAX - 1023);
  CHECK(converted<std::int64_t>(-0x1p63) == INT64_MIN);
  CHECK(converted<std::int64_t>(-kInfinity) == INT64_MIN);
  CHECK(converted<std::int64_t>(kNaN) == 0);
}

TEST_CASE("convert: i64 and f64 do not pass through float", "[core][convert]") {
  const std::int64_t odd = (std::int64_t{1} << 53) - 1;
  CHECK(converted<double>(odd) == 9007199254740991.0);
  CHECK(converted<std::int64_t>(9007199254740991.0) == odd);
  CHECK(converted<std::int32_t>(std::int64_t{16777217}) == 16777217);
}

TEST_CASE("convert: integers that do not fit lose their high bits", "[core][convert]") {
  CHECK(converted<std::int8_t>(std::int32_t{0x1234}) == 0x34);
  CHECK(converted<std::uint8_t>(std::int64_t{-1}) == 255);
}

TEST_CASE("convert: to bool, anything but zero is true", "[core][convert]") {
  CHECK(converted<bool>(0.1f));
  CHECK(converted<bool>(kNaN));
  CHECK_FALSE(converted<bool>(-0.0f));
  CHECK(converted<bool>(BFloat16{0x0001}));
  CHECK_FALSE(converted<bool>(Half{0x8000}));
  CHECK(converted<float>(true) == 1.0f);
}

TEST_CASE("convert: a bool that is neither 0 nor 1 in its file is true", "[core][convert]") {
  const std::array<std::uint8_t, 3> bytes{0, 2, 255};
  const Tensor read = Tensor::wrap(bytes.data(), {3}, DType::boolean, nullptr);
  const Tensor floats = read.to(DType::f32);
  CHECK(floats.data<float>()[0] == 0.0f);
  CHECK(floats.data<float>()[1] == 1.0f);
  CHECK(floats.data<float>()[2] == 1.0f);
}

TEST_CASE("convert: f64 to 16 bits rounds once", "[core][convert]") {
  // Just above the tie between two halves; rounded to float first it would sit on the tie.
  const double above_tie = 1.0 + 0x1p-11 + 0x1p-40;
  CHECK(converted<Half>(above_tie).bits == 0x3c01);
  CHECK(converted<Half>(1.0 + 0x1p-11).bits == 0x3c00);
  CHECK(converted<Half>(-above_tie).bits == 0xbc01);
  CHECK(converted<Half>(1.0 + 3 * 0x1p-11 - 0x1p-40).bits == 0x3c01);
  CHECK(converted<BFloat16>(1.0 + 0x1p-8 + 0x1p-45).bits == 0x3f81);
  CHECK(converted<Half>(0x1p-25 + 0x1p-60).bits == 0x0001);
  CHECK(converted<BFloat16>(1e300).bits == 0x7f80);
  CHECK(converted<BFloat16>(1e-300).bits == 0x0000);
  CHECK(std::isnan(to_float(converted<Half>(kNaN))));
}

TEST_CASE("convert: i64 to 16 bits rounds once", "[core][convert]") {
  // 2^62 + 2^54 is a tie between two bfloat16s; one more is not, but double cannot tell.
  const std::int64_t tie = (std::int64_t{1} << 62) + (std::int64_t{1} << 54);
  CHECK(to_float(converted<BFloat16>(tie)) == 0x1p62f);
  CHECK(to_float(converted<BFloat16>(tie + 1)) == 0x1p62f + 0x1p55f);
  CHECK(to_float(converted<BFloat16>(-tie)) == -0x1p62f);
  CHECK(to_float(converted<BFloat16>(-tie - 1)) == -0x1p62f - 0x1p55f);
  CHECK(to_float(converted<BFloat16>(INT64_MIN)) == -0x1p63f);
  CHECK(converted<Half>(std::int64_t{-5}).bits == to_half(-5.0f).bits);
}

TEST_CASE("convert: every dtype keeps small whole numbers on the way to every other",
          "[core][convert]") {
  constexpr std::array kAll{DType::f32, DType::f64, DType::f16, DType::bf16, DType::i8,
                            DType::u8,  DType::i16, DType::i32, DType::i64};
  const Tensor numbers = Tensor::from(std::vector<float>{0, 1, 2, 3, 64, 127}, {2, 3});
  for (DType from : kAll) {
    for (DType to : kAll) {
      INFO(to_string(from) << " to " << to_string(to));
      const Tensor result = numbers.to(from).to(to);
      CHECK(result.dtype() == to);
      CHECK(result.shape() == Shape{2, 3});
      CHECK(equal_bits(result.to(DType::f32), numbers));
    }
  }
}

TEST_CASE("convert: a transposed view converts in its own order", "[core][convert]") {
  const Tensor matrix = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
  const Tensor result = matrix.transpose(0, 1).to(DType::i32);
  CHECK(equal_bits(result, Tensor::from(std::vector<std::int32_t>{1, 4, 2, 5, 3, 6}, {3, 2})));
}
