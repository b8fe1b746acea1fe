// e4m3, as its definition has it: all 256 codes, and what lies between two of them.
#include "kernels/cuda/e4m3.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

namespace lamina::kernels::cuda {
namespace {

bool is_nan_code(int code) { return (code & 0x7f) == 0x7f; }

// By the definition: 1.fraction * 2^(exponent - 7), and 0.fraction * 2^-6 where exponent is 0.
float value_of(int code) {
  const int exponent = code >> 3 & 15, fraction = code & 7;
  const float magnitude = exponent == 0
                              ? std::ldexp(static_cast<float>(fraction) / 8, -6)
                              : std::ldexp(1 + static_cast<float>(fraction) / 8, exponent - 7);
  return (code & 0x80) != 0 ? -magnitude : magnitude;
}

int code_of(float value) { return to_e4m3(value).bits; }

TEST_CASE("e4m3: each code has its value, and comes back from it", "[cuda]") {
  for (int code = 0; code < 256; ++code) {
    INFO(code);
    const float value = from_e4m3({static_cast<std::uint8_t>(code)});
    if (is_nan_code(code)) {
      CHECK(std::isnan(value));
    } else {
      CHECK(value == value_of(code));
      CHECK(std::signbit(value) == (code >= 0x80));
    }
    CHECK(code_of(value) == code);
  }
  CHECK(value_of(0x7e) == kLargestE4m3);
}

TEST_CASE("e4m3: what lies between two codes goes to the nearer, from the middle to the even one",
          "[cuda]") {
  for (int code = 0; code < 0x7e; ++code) {
    INFO(code);
    const float middle = (value_of(code) + value_of(code + 1)) / 2;
    for (const int sign : {0, 0x80}) {
      const float to = sign == 0 ? middle : -middle;
      CHECK(code_of(to) == (sign | (code + code % 2)));
      CHECK(code_of(std::nextafter(to, 0.0f)) == (sign | code));
      CHECK(code_of(std::nextafter(to, 2 * to)) == (sign | (code + 1)));
    }
  }
}

TEST_CASE("e4m3: what is too large becomes the largest, what is tiny a zero with its sign",
          "[cuda]") {
  for (const float large :
       {448.1f, 463.9f, 464.0f, 1e30f, std::numeric_limits<float>::infinity()}) {
    CHECK(code_of(large) == 0x7e);
    CHECK(code_of(-large) == 0xfe);
  }
  CHECK(code_of(0x1p-10f) == 0);
  CHECK(code_of(-1e-40f) == 0x80);
}

TEST_CASE("e4m3: scales are powers of two that leave the headroom asked for", "[cuda]") {
  CHECK(e4m3_scale(448, 1) == 1);
  CHECK(e4m3_scale(448.5f, 1) == 2);
  CHECK(e4m3_scale(224, 2) == 1);
  CHECK(e4m3_scale(225, 2) == 2);
  CHECK(e4m3_scale(3.5f, 2) == 0x1p-6f);
  CHECK(e4m3_scale(0, 2) == 1);
  CHECK(e4m3_scale(1e-30f, 2) == 0x1p-40f);
  CHECK(e4m3_scale(3e38f, 2) == 0x1p40f);
}

}  // namespace
}  // namespace lamina::kernels::cuda
