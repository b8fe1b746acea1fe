#include <lamina/vision/heat_map.h>

#include <lamina/core/error.h>

#include "tests/vision/fixtures.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

namespace lamina::vision {
namespace {

using Color = std::array<std::uint8_t, 3>;

bool same(const Window& a, const Window& b) {
  return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height;
}

// CIE 1976 lightness of an sRGB colour, 0 to 100.
double lightness(const Color& color) {
  const auto linear = [](std::uint8_t byte) {
    const double value = byte / 255.0;
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
  };
  const double y =
      0.2126 * linear(color[0]) + 0.7152 * linear(color[1]) + 0.0722 * linear(color[2]);
  return y > 0.008856 ? 116 * std::cbrt(y) - 16 : 903.3 * y;
}

TEST_CASE("heat color: lightness grows in even steps", "[vision][heat_map]") {
  constexpr int kSteps = 16;
  double before = lightness(heat_color(0));
  const double whole = lightness(heat_color(1)) - before;
  CHECK(whole > 70);
  for (int i = 1; i <= kSteps; ++i) {
    const double now = lightness(heat_color(static_cast<float>(i) / kSteps));
    INFO("step " << i);
    CHECK(now - before > 0.6 * whole / kSteps);
    CHECK(now - before < 1.4 * whole / kSteps);
    before = now;
  }
}

TEST_CASE("heat color: what lies outside is an end", "[vision][heat_map]") {
  CHECK(heat_color(0) == Color{68, 1, 84});
  CHECK(heat_color(1) == Color{253, 231, 37});
  CHECK(heat_color(-1) == heat_color(0));
  CHECK(heat_color(7) == heat_color(1));
  CHECK(heat_color(std::numeric_limits<float>::quiet_NaN()) == heat_color(0));
}

TEST_CASE("seen window: the crop, in the picture's own pixels", "[vision][heat_map]") {
  const Transforms vgg;
  CHECK(same(seen_window({256, 256}, vgg), {16, 16, 224, 224}));
  CHECK(same(seen_window({512, 512}, vgg), {32, 32, 448, 448}));
  CHECK(same(seen_window({640, 427}, vgg), {133, 27, 374, 373}));
  CHECK(same(seen_window({640, 427}, {.resize = 0, .crop = 0}), {0, 0, 640, 427}));
  CHECK(same(seen_window({10, 8}, {.resize = 0, .crop = 16}), {-3, -4, 16, 16}));
  CHECK(same(seen_window({8, 8}, {.resize = 32, .crop = 32}), {0, 0, 8, 8}));
}

Image grey(std::int64_t width, std::int64_t height, std::uint8_t value) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), value)};
}

TEST_CASE("overlay: colours inside the window, paler grey outside", "[vision][heat_map]") {
  const Image result = overlay_heat_map(grey(4, 1, 100), Tensor::full({1, 1}, 1), {1, 0, 2, 1});
  const Color unseen{193, 193, 193};  // 100 + 0.6 * 155
  const Color hottest{192, 179, 62};  // 0.4 * 100 + 0.6 * viridis
  for (const auto& [x, expected] :
       {std::pair{0, unseen}, {1, hottest}, {2, hottest}, {3, unseen}}) {
    INFO("x " << x);
    CHECK(Color{result.row(0)[3 * x], result.row(0)[3 * x + 1], result.row(0)[3 * x + 2]} ==
          expected);
  }
}

TEST_CASE("overlay: the mask is stretched, and a window may reach beyond the picture",
          "[vision][heat_map]") {
  const Tensor mask = Tensor::from(std::vector<float>{0, 1}, {1, 2});
  const Image black = grey(8, 2, 0);
  const auto red_at = [&](const Image& image, int x) { return int{image.row(1)[3 * x]}; };
  const Image whole = overlay_heat_map(black, mask, {0, 0, 8, 2});
  CHECK(red_at(whole, 0) == 41);                                        // 0.6 * 68
  CHECK(red_at(whole, 7) == 152);                                       // 0.6 * 253
  const Image beyond = overlay_heat_map(black, mask, {-8, -1, 16, 4});  // shows the right half
  CHECK(red_at(beyond, 7) == 152);
  CHECK(red_at(beyond, 0) != 41);
}

TEST_CASE("overlay: says what is no mask", "[vision][heat_map]") {
  const Image picture = grey(2, 2, 0);
  const Window all{0, 0, 2, 2};
  CHECK_THROWS_AS(overlay_heat_map(picture, Tensor::zeros({1, 2, 2}), all), InvalidArgument);
  CHECK_THROWS_AS(overlay_heat_map(picture, Tensor::zeros({2, 2}, DType::u8), all),
                  InvalidArgument);
  CHECK_THROWS_AS(overlay_heat_map(picture, Tensor(), all), InvalidArgument);
  CHECK_THROWS_AS(overlay_heat_map(picture, Tensor::zeros({2, 2}), {0, 0, 0, 2}), InvalidArgument);
}

}  // namespace
}  // namespace lamina::vision
