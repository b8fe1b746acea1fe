#include <lamina/vision/decode.h>

#include <lamina/core/error.h>

#include "tests/support/temporary_folder.h"
#include "tests/vision/fixtures.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace lamina::vision {
namespace {

using test::expected_image;
using test::fixture_index;
using test::fixture_path;

// Names the first pixel that differs: "pixel 17 (x 4, y 1) channel 2: got 13, expected 15".
void require_equal(const Image& image, const Image& expected) {
  REQUIRE(image.width == expected.width);
  REQUIRE(image.height == expected.height);
  REQUIRE(image.pixels.size() == expected.pixels.size());
  const auto [got, wanted] =
      std::mismatch(image.pixels.begin(), image.pixels.end(), expected.pixels.begin());
  if (got == image.pixels.end()) return;
  const std::ptrdiff_t at = got - image.pixels.begin();
  FAIL("pixel (x " << at / 3 % image.width << ", y " << at / 3 / image.width << ") channel "
                   << at % 3 << ": got " << int{*got} << ", expected " << int{*wanted});
}

TEST_CASE("decode: every kind of image has the pixels that Pillow gives", "[vision][decode]") {
  REQUIRE(fixture_index()["images"].size() > 80);
  for (const auto& entry : fixture_index()["images"]) {
    const std::string file = entry["file"];
    INFO(file);
    require_equal(load_image(fixture_path(file)), expected_image(entry));
  }
}

TEST_CASE("decode: EXIF orientation is applied when asked, and only then",
          "[vision][decode][exif]") {
  int turned = 0;
  for (const auto& entry : fixture_index()["images"]) {
    const std::string file = entry["file"];
    INFO(file);
    const Image image = load_image(fixture_path(file), {.apply_exif_orientation = true});
    require_equal(image, expected_image(entry.contains("upright") ? entry["upright"] : entry));
    turned += entry.contains("upright") ? 1 : 0;
  }
  CHECK(turned == 9);
}

TEST_CASE("decode: the kind is told by the bytes, not by the name", "[vision][decode]") {
  const test::TemporaryFolder folder;
  std::filesystem::copy_file(fixture_path("rgb8.png"), folder / "lies.jpg");
  CHECK(load_image(folder / "lies.jpg") == load_image(fixture_path("rgb8.png")));
}

TEST_CASE("decode: a file that cannot be read is an IoError that names it", "[vision][decode]") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_AS(load_image(folder / "none.jpg"), IoError);
  CHECK_THROWS_WITH(load_image(folder / "none.jpg"), Catch::Contains("none.jpg"));
  CHECK_THROWS_AS(load_image(folder.path()), IoError);
  CHECK_THROWS_WITH(load_image(folder.path()), Catch::Contains("a directory"));
}

}  // namespace
}  // namespace lamina::vision
