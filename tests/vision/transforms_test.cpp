#include <lamina/vision/transforms.h>

#include <lamina/core/error.h>
#include <lamina/vision/decode.h>

#include "tests/vision/fixtures.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <span>

namespace lamina::vision {
namespace {

using test::fixture_index;
using test::fnv1a;
using test::noise;

Image image_of(const nlohmann::json& entry) {
  const std::string name = entry["image"];
  if (name.ends_with(".jpg")) return load_image(test::fixture_path(name));
  return noise(entry["in"][0], entry["in"][1]);
}

TEST_CASE("resize shorter side: equals torchvision's", "[vision][transforms]") {
  for (const auto& entry : fixture_index()["shorter_side"]) {
    const Image resized = resize_shorter_side(noise(entry["in"][0], entry["in"][1]), entry["size"]);
    INFO(entry);
    CHECK(resized.width == entry["out"][0].get<std::int64_t>());
    CHECK(resized.height == entry["out"][1].get<std::int64_t>());
    CHECK(fnv1a(resized) == entry["fnv1a"].get<std::string>());
  }
}

TEST_CASE("center crop: equals torchvision's, odd margins and padding included",
          "[vision][transforms]") {
  for (const auto& entry : fixture_index()["crop"]) {
    const Image cropped = center_crop(noise(entry["in"][0], entry["in"][1]), entry["size"]);
    INFO(entry);
    CHECK(fnv1a(cropped) == entry["fnv1a"].get<std::string>());
  }
}

TEST_CASE("preprocess: gives torchvision's tensor to the last bit", "[vision][transforms]") {
  for (const auto& entry : fixture_index()["preprocess"]) {
    INFO(entry);
    const Image image = image_of(entry);
    const Image cropped = center_crop(resize_shorter_side(image, 256), 224);
    CHECK(fnv1a(cropped) == entry["pixels_fnv1a"].get<std::string>());

    const Tensor tensor = preprocess(image);
    REQUIRE(tensor.shape() == Shape{3, 224, 224});
    for (const auto& sample : entry["samples"]) {
      const int c = sample[0], y = sample[1], x = sample[2];
      CHECK(tensor.data<float>()[(c * 224 + y) * 224 + x] == sample[3].get<float>());
    }
    CHECK(fnv1a(std::as_bytes(tensor.values<float>())) == entry["tensor_fnv1a"].get<std::string>());
  }
}

TEST_CASE("preprocess: writes into a batch no more than its own place", "[vision][transforms]") {
  const Image image = noise(40, 30);
  const Transforms transforms{.resize = 16, .crop = 12};
  const float guard = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> batch(3 * 12 * 12 + 2, guard);
  preprocess_into(image, transforms, batch.data() + 1);
  CHECK(std::isnan(batch.front()));
  CHECK(std::isnan(batch.back()));
  const Tensor alone = preprocess(image, transforms);
  const auto slot = std::span<const float>(batch).subspan(1, 3 * 12 * 12);
  CHECK(std::equal(slot.begin(), slot.end(), alone.data<float>()));
}

TEST_CASE("preprocess: zero leaves a step out", "[vision][transforms]") {
  const Image image = noise(40, 30);
  CHECK(preprocess(image, {.resize = 0, .crop = 0}).shape() == Shape{3, 30, 40});
  CHECK(preprocess(image, {.resize = 15, .crop = 0}).shape() == Shape{3, 15, 20});
  CHECK(preprocess(image, {.resize = 0, .crop = 8}).shape() == Shape{3, 8, 8});
  CHECK(preprocessed_size({40, 30}, {.resize = 15, .crop = 0}) == Size{20, 15});

  const Tensor plain = preprocess(image, {.resize = 0, .crop = 0, .mean = {}, .std = {1, 1, 1}});
  CHECK(plain.data<float>()[0] == static_cast<float>(image.pixels[0]) / 255.0F);
}

TEST_CASE("preprocess: a crop larger than the resized image is padded with black",
          "[vision][transforms]") {
  const Image image = noise(9, 5);
  const Image padded = center_crop(resize_shorter_side(image, 6), 12);
  const Transforms transforms{.resize = 6, .crop = 12};
  std::vector<float> expected(3 * 12 * 12);
  normalize_into(padded, transforms, expected.data());
  const Tensor tensor = preprocess(image, transforms);
  CHECK(std::equal(expected.begin(), expected.end(), tensor.data<float>()));
}

TEST_CASE("preprocess: a line of pixels does not cost what scaling all of it would",
          "[vision][transforms]") {
  CHECK(preprocess(noise(50000, 1)).shape() == Shape{3, 224, 224});
}

TEST_CASE("preprocess: transforms that make no sense are refused", "[vision][transforms]") {
  const Image image = noise(4, 4);
  CHECK_THROWS_AS(preprocess(image, {.resize = -1}), InvalidArgument);
  CHECK_THROWS_AS(preprocess(image, {.crop = -1}), InvalidArgument);
  CHECK_THROWS_AS(preprocess(image, {.std = {1, 0, 1}}), InvalidArgument);
  CHECK_THROWS_AS(preprocess(Image{}), InvalidArgument);
  CHECK_THROWS_AS(center_crop(image, 0), InvalidArgument);
  CHECK_THROWS_AS(resize_shorter_side(image, std::int64_t{1} << 62), InvalidArgument);
}

}  // namespace
}  // namespace lamina::vision
