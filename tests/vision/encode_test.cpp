#include <lamina/vision/encode.h>

#include <lamina/core/error.h>
#include <lamina/vision/decode.h>

#include "tests/vision/fixtures.h"

#include <catch2/catch.hpp>

#include <cstdlib>

namespace lamina::vision {
namespace {

using test::noise;

// Slopes in both directions, as photographs have them.
Image slopes(std::int64_t width, std::int64_t height) {
  Image image{width, height, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      image.pixels.push_back(static_cast<std::uint8_t>(x * 255 / width));
      image.pixels.push_back(static_cast<std::uint8_t>(y * 255 / height));
      image.pixels.push_back(static_cast<std::uint8_t>((x + y) * 255 / (width + height)));
    }
  }
  return image;
}

TEST_CASE("encode png: what is decoded again is the same, of every size", "[vision][encode]") {
  for (const std::int64_t width : {1, 2, 3, 7, 64, 255}) {
    for (const std::int64_t height : {1, 2, 5, 64}) {
      INFO(width << " x " << height);
      CHECK(decode_image(encode_png(noise(width, height)), "noise") == noise(width, height));
      CHECK(decode_image(encode_png(slopes(width, height)), "slopes") == slopes(width, height));
    }
  }
}

TEST_CASE("encode png: more than a megabyte goes into several chunks", "[vision][encode]") {
  const Image image = noise(700, 600);  // 1.26 MB, which nothing can pack
  CHECK(decode_image(encode_png(image), "noise") == image);
}

TEST_CASE("encode png: filters make slopes small", "[vision][encode]") {
  const Image image = slopes(256, 256);
  CHECK(encode_png(image).size() < image.pixels.size() / 50);
}

TEST_CASE("encode jpeg: what is decoded again is near", "[vision][encode]") {
  for (const std::int64_t side : {1, 8, 17, 200}) {
    INFO(side);
    const Image image = slopes(side, side);
    const Image again = decode_image(encode_jpeg(image, 95), "slopes");
    REQUIRE(again.pixels.size() == image.pixels.size());
    int worst = 0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      worst = std::max(worst, std::abs(int{image.pixels[i]} - int{again.pixels[i]}));
    }
    CHECK(worst <= (side < 20 ? 48 : 12));  // steep slopes lose more of their colour
  }
  const Image photo = slopes(200, 200);
  CHECK(encode_jpeg(photo, 30).size() < encode_jpeg(photo, 95).size());
}

TEST_CASE("encode: says what it cannot write", "[vision][encode]") {
  CHECK_THROWS_AS(encode_png(Image{}), InvalidArgument);
  CHECK_THROWS_AS(encode_jpeg(Image{}), InvalidArgument);
  CHECK_THROWS_AS(encode_jpeg(noise(2, 2), 0), InvalidArgument);
  CHECK_THROWS_AS(encode_jpeg(noise(2, 2), 101), InvalidArgument);
  CHECK_THROWS_AS(encode_jpeg(noise(65501, 1)), InvalidArgument);
}

}  // namespace
}  // namespace lamina::vision
