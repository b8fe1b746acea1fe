// The model of the tile unit: what it computes, and that it faults where a processor would.
#include "tests/kernels/tile_model.h"

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace lamina::test {
namespace {

using kernels::cpu::TileConfig;
using kernels::cpu::whole_tiles;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::uint16_t bf16(float value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
}

// What one output becomes that was `before`: a row of pairs by a column of pairs.
float multiply(const std::vector<float>& a, const std::vector<float>& b, float before) {
  TileConfig config;
  const auto pairs = static_cast<std::uint8_t>(a.size() / 2);
  config.rows[0] = config.rows[1] = 1;
  config.rows[2] = pairs;
  config.row_bytes[0] = config.row_bytes[2] = 4;
  config.row_bytes[1] = static_cast<std::uint16_t>(4 * pairs);
  std::vector<std::uint16_t> a_halves, b_halves;
  for (const float value : a) a_halves.push_back(bf16(value));
  for (const float value : b) b_halves.push_back(bf16(value));
  TileModel model;
  model.configure(config);
  model.load(0, &before, 4);
  model.load(1, a_halves.data(), 0);
  model.load(2, b_halves.data(), 4);
  model.multiply_bf16(0, 1, 2);
  float after = 0;
  model.store(0, &after, 4);
  return after;
}

TEST_CASE("tile model: even and odd products are summed apart, then added to the output",
          "[kernels][amx]") {
  CHECK(multiply({3, 4}, {5, 6}, 7) == 46);
  // 2^24 + 1 is 2^24 and 1 + 1 is 2: 1 + (2^24 + 2) is halfway, and rounds to the even 2^24 + 4.
  // Added one by one to the output all the ones would be lost.
  CHECK(multiply({0x1p24f, 1, 1, 1}, {1, 1, 1, 1}, 1) == 0x1p24f + 4);
  // What cancels within the even ones does so before the odd ones come.
  CHECK(multiply({0x1p30f, 1, -0x1p30f, 0}, {1, 1, 1, 1}, 0) == 1);
}

TEST_CASE("tile model: a multiply-add is rounded once, to the nearest even", "[kernels][amx]") {
  CHECK(tile_multiply_add(1, 1, 0x1p24f) == 0x1p24f);
  CHECK(tile_multiply_add(3, 1, 0x1p24f) == 0x1p24f + 4);
  // (1 + 2^-7)^2 - 1 loses its last digit only if the product is rounded to 8 bits before.
  const float a = 1 + 0x1p-7f;
  CHECK(tile_multiply_add(a, a, -1) == 0x1p-6f + 0x1p-14f);
}

TEST_CASE("tile model: denormals count as zero, and none comes out", "[kernels][amx]") {
  constexpr float kDenormal = 0x1p-130f;
  CHECK(tile_multiply_add(kDenormal, 0x1p120f, 2) == 2);
  CHECK(tile_multiply_add(1, 1, kDenormal) == 1);
  CHECK(tile_add(kDenormal, kDenormal) == 0);
  CHECK(multiply({kDenormal, 0}, {0x1p120f, 0}, 0) == 0);
  CHECK(multiply({0x1p-70f, 0}, {0x1p-60f, 0}, 0) == 0);
  CHECK(std::signbit(tile_multiply_add(-0x1p-70f, 0x1p-60f, 0)));
  CHECK(tile_add(0x1.8p-126f, -0x1p-126f) == 0);
  // Just below the smallest normal number: flushed unless 24 bits of it round up.
  constexpr float kSmallest = 0x1p-126f;
  CHECK(tile_multiply_add(0x1p-63f, -0x1.8p-88f, kSmallest) == 0);
  CHECK(tile_multiply_add(0x1p-63f, -0x1p-88f, kSmallest) == kSmallest);
  CHECK(tile_multiply_add(0x1p-63f, -0x1p-89f, kSmallest) == kSmallest);
}

TEST_CASE("tile model: NaN and infinity are as in any arithmetic", "[kernels][amx]") {
  CHECK(multiply({kInfinity, 1}, {2, 1}, -5) == kInfinity);
  CHECK(std::isnan(multiply({kInfinity, 1}, {0, 1}, 0)));
  CHECK(std::isnan(multiply({kInfinity, -kInfinity}, {1, 1}, 0)));
  CHECK(std::isnan(multiply({1, 1}, {1, 1}, std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("tile model: a load fills the rest of a tile with zeros", "[kernels][amx]") {
  TileConfig config = whole_tiles();
  config.rows[0] = 2;
  config.row_bytes[0] = 8;
  TileModel model;
  model.configure(config);
  const std::vector<std::uint32_t> from{1, 2, 3, 4, 5, 6};
  model.load(0, from.data(), 12);  // two of each three
  std::vector<std::uint32_t> to(4, 9);
  model.store(0, to.data(), 8);
  CHECK(to == std::vector<std::uint32_t>{1, 2, 4, 5});
  model.zero(0);
  model.store(0, to.data(), 8);
  CHECK(to == std::vector<std::uint32_t>(4, 0));
}

TEST_CASE("tile model: refuses a configuration that a processor refuses", "[kernels][amx]") {
  const auto refused = [](auto&& change) {
    TileConfig config = whole_tiles();
    change(config);
    TileModel model;
    CHECK_THROWS_AS(model.configure(config), TileFault);
  };
  refused([](TileConfig& c) { c.palette = 2; });
  refused([](TileConfig& c) { c.reserved[13] = 1; });
  refused([](TileConfig& c) { c.rows[8] = 1; });
  refused([](TileConfig& c) { c.row_bytes[15] = 4; });
  refused([](TileConfig& c) { c.rows[3] = 17; });
  refused([](TileConfig& c) { c.row_bytes[3] = 68; });
  refused([](TileConfig& c) { c.rows[3] = 0; });
  refused([](TileConfig& c) { c.row_bytes[3] = 0; });
  TileModel model;
  CHECK_NOTHROW(model.configure(whole_tiles()));
}

TEST_CASE("tile model: tiles are used only while they are configured", "[kernels][amx]") {
  const auto faults = [](TileModel model) {
    float row[16 * 16] = {};
    CHECK_THROWS_AS(model.zero(5), TileFault);
    CHECK_THROWS_AS(model.load(5, row, 64), TileFault);
    CHECK_THROWS_AS(model.store(5, row, 64), TileFault);
    CHECK_THROWS_AS(model.multiply_bf16(0, 1, 5), TileFault);
    CHECK_THROWS_AS(model.multiply_bf16(5, 0, 1), TileFault);
  };
  TileModel model;
  faults(model);
  TileConfig config = whole_tiles();
  config.rows[5] = 0;
  config.row_bytes[5] = 0;
  model.configure(config);
  faults(model);
  CHECK_NOTHROW(model.zero(4));
  model.configure(whole_tiles());
  CHECK_NOTHROW(model.zero(5));
  model.release();
  faults(model);
  model.configure(whole_tiles());
  config = TileConfig{.palette = 0};
  model.configure(config);
  faults(model);
  CHECK_THROWS_AS(model.zero(8), TileFault);
}

TEST_CASE("tile model: shapes that do not fit together are a fault", "[kernels][amx]") {
  const auto faults = [](auto&& change, int sum = 0, int a = 1, int b = 2) {
    TileConfig config = whole_tiles();
    change(config);
    TileModel model;
    model.configure(config);
    CHECK_THROWS_AS(model.multiply_bf16(sum, a, b), TileFault);
  };
  faults([](TileConfig& c) { c.rows[0] = 15; });
  faults([](TileConfig& c) { c.rows[1] = 15; });
  faults([](TileConfig& c) { c.rows[2] = 15; });
  faults([](TileConfig& c) { c.row_bytes[0] = 60; });
  faults([](TileConfig& c) { c.row_bytes[1] = 60; });
  faults([](TileConfig& c) { c.row_bytes[2] = 60; });
  faults([](TileConfig& c) { c.row_bytes[0] = c.row_bytes[2] = 62; });
  faults([](TileConfig&) {}, 0, 0, 2);
  faults([](TileConfig&) {}, 0, 1, 0);
  faults([](TileConfig&) {}, 0, 1, 1);
}

}  // namespace
}  // namespace lamina::test
