#include "models/random.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace lamina::models::detail;

TEST_CASE("philox4x32: gives the known answers of the Random123 library", "[models][random]") {
  const PhiloxCounter zero{}, ones{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff};
  const PhiloxCounter pi{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
  CHECK(philox4x32(zero, {}) == PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32(ones, {0xffffffff, 0xffffffff}) ==
        PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32(pi, {0xa4093822, 0x299f31d0}) ==
        PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("normal_quantile: inverts the distribution function to 3e-7 in the middle and the tails",
          "[models][random]") {
  for (const double z : {-6.3, -5.2, -4.0, -2.5, -1.45, -1.43, -0.3, 0.01, 1.0, 1.44, 3.0, 5.9}) {
    // For z > 0 the upper tail, since 1 - tail would lose it to rounding.
    const double tail = 0.5 * std::erfc(std::abs(z) / std::sqrt(2.0));
    const double computed = z < 0 ? normal_quantile(tail) : -normal_quantile(tail);
    INFO("z = " << z << ", computed " << computed);
    CHECK(!(std::abs(computed - z) > 3e-7 * std::abs(z) + 1e-9));
  }
  CHECK(normal_quantile(0.5) == 0);
}

TEST_CASE("fill_normal: gives these very bits", "[models][random]") {
  std::vector<float> values(1000);
  fill_normal(values, 0, "features.0.weight", 1.0, 1);
  CHECK(values[0] == 0x1.69433cp+0F);
  CHECK(values[1] == -0x1.745f2cp-2F);
  CHECK(values[100] == 0x1.21e1f2p-1F);
}

TEST_CASE("fill_normal: mean, variance and kurtosis are those of the normal distribution",
          "[models][random]") {
  constexpr std::size_t kCount = 1'000'000;
  std::vector<float> values(kCount);
  fill_normal(values, 7, "w", 2.0, 2);
  double sum = 0, squares = 0, fourth = 0;
  for (const float value : values) {
    const double x = value;
    sum += x, squares += x * x, fourth += x * x * x * x;
  }
  const double variance = squares / kCount;
  // Four standard errors each.
  CHECK(!(std::abs(sum / kCount) > 0.008));
  CHECK(!(std::abs(variance - 4) > 4 * 4 * std::sqrt(2.0 / kCount)));
  CHECK(!(std::abs(fourth / kCount / (variance * variance) - 3) > 4 * std::sqrt(24.0 / kCount)));
}

TEST_CASE("fill_normal: threads and length do not change a value", "[models][random]") {
  std::vector<float> one(200'003), four(200'003), shorter(77);
  fill_normal(one, 3, "w", 0.5, 1);
  fill_normal(four, 3, "w", 0.5, 4);
  fill_normal(shorter, 3, "w", 0.5, 1);
  CHECK(one == four);
  CHECK(std::equal(shorter.begin(), shorter.end(), one.begin()));
}

TEST_CASE("fill_normal: another seed or another name is another stream", "[models][random]") {
  std::vector<float> a(8), b(8), c(8);
  fill_normal(a, 1, "w", 1, 1);
  fill_normal(b, 2, "w", 1, 1);
  fill_normal(c, 1, "v", 1, 1);
  CHECK(a != b);
  CHECK(a != c);
}
