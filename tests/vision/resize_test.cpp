#include <lamina/vision/resize.h>

#include <lamina/core/error.h>

#include "tests/vision/fixtures.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lamina::vision {
namespace {

using test::fnv1a;
using test::noise;

TEST_CASE("resize: equals Pillow's, up, down, and along one axis", "[vision][resize]") {
  for (const auto& entry : test::fixture_index()["resize"]) {
    const Image image = noise(entry["in"][0], entry["in"][1]);
    const Image resized = resize_bilinear(image, entry["out"][0], entry["out"][1]);
    INFO(image.width << " x " << image.height << " to " << resized.width << " x "
                     << resized.height);
    CHECK(fnv1a(resized) == entry["fnv1a"].get<std::string>());
  }
}

TEST_CASE("resize: to its own size an image stays as it is", "[vision][resize]") {
  const Image image = noise(37, 21);
  CHECK(resize_bilinear(image, 37, 21) == image);
}

TEST_CASE("resize: a flat image stays flat at any size", "[vision][resize]") {
  for (const std::uint8_t value :
       {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{254}, std::uint8_t{255}}) {
    const Image flat{50, 40, std::vector<std::uint8_t>(50 * 40 * 3, value)};
    const Image resized = resize_bilinear(flat, 7, 83);
    const auto is_value = [value](std::uint8_t pixel) { return pixel == value; };
    CHECK(std::all_of(resized.pixels.begin(), resized.pixels.end(), is_value));
  }
}

TEST_CASE("resize: a window is that part of the whole", "[vision][resize]") {
  const Image image = noise(61, 45);
  // Down, up, and a shape that Pillow scales along columns first.
  for (const auto& [width, height] : {std::pair{23, 19}, std::pair{100, 77}, std::pair{64, 20}}) {
    const Image whole = resize_bilinear(image, width, height);
    const Window window{5, 3, 11, 9};
    const Image part = resize_bilinear(image, width, height, window);
    REQUIRE(part.width == window.width);
    REQUIRE(part.height == window.height);
    for (std::int64_t y = 0; y < part.height; ++y) {
      const std::uint8_t* expected = whole.row(window.y + y) + 3 * window.x;
      CHECK(std::equal(part.row(y), part.row(y) + 3 * part.width, expected));
    }
  }
}

TEST_CASE("resize: a window of a huge image costs only itself", "[vision][resize]") {
  const Image line = noise(100000, 1);
  const std::int64_t width = 100000 * std::int64_t{256};
  const Image part = resize_bilinear(line, width, 256, {width / 2, 16, 224, 224});
  CHECK(part.pixels.size() == 224 * 224 * 3);
}

TEST_CASE("resize: sizes that make no sense are refused", "[vision][resize]") {
  const Image image = noise(4, 4);
  CHECK_THROWS_AS(resize_bilinear(image, 0, 4), InvalidArgument);
  CHECK_THROWS_AS(resize_bilinear(image, 4, -1), InvalidArgument);
  CHECK_THROWS_AS(resize_bilinear(Image{}, 4, 4), InvalidArgument);
  CHECK_THROWS_AS(resize_bilinear(image, 1 << 20, 1 << 20), InvalidArgument);
  CHECK_THROWS_AS(resize_bilinear(image, 8, 8, {5, 0, 4, 8}), InvalidArgument);
  CHECK_THROWS_AS(resize_bilinear(image, 8, 8, {-1, 0, 4, 8}), InvalidArgument);
}

}  // namespace
}  // namespace lamina::vision
