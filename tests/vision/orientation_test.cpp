#include "vision/orientation.h"

#include <catch2/catch.hpp>

#include <array>
#include <vector>

namespace lamina::vision::detail {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A TIFF structure whose only directory has one entry: little endian, orientation, 16 bits.
Bytes tiff(std::uint8_t value) {
  return {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, value, 0, 0, 0};
}

TEST_CASE("exif orientation: the value of the tag, where it is one", "[vision][exif]") {
  for (std::uint8_t value = 1; value <= 8; ++value) CHECK(exif_orientation(tiff(value)) == value);
  CHECK(exif_orientation(tiff(0)) == 1);
  CHECK(exif_orientation(tiff(9)) == 1);
  const Bytes big = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0};
  CHECK(exif_orientation(big) == 6);
}

TEST_CASE("exif orientation: nonsense is upright", "[vision][exif][hostile]") {
  const Bytes whole = tiff(6);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(exif_orientation(cut) == 1);
  }
  Bytes far = whole;  // a directory beyond the end
  far[4] = far[5] = far[6] = far[7] = 0xFF;
  CHECK(exif_orientation(far) == 1);
  Bytes edge = whole;  // a directory whose count is the last thing in the file
  edge[4] = 20;
  CHECK(exif_orientation(edge) == 1);
  Bytes many = whole;  // more entries than there is room for
  many[8] = many[9] = 0xFF;
  CHECK(exif_orientation(many) == 6);
  Bytes other = whole;  // not a TIFF structure
  other[2] = 43;
  CHECK(exif_orientation(other) == 1);
}

TEST_CASE("turn upright: the corners go where EXIF says", "[vision][exif]") {
  // Three pixels wide, two high, numbered by rows:  1 2 3 / 4 5 6.
  Image image{3, 2, {}};
  for (std::uint8_t i = 1; i <= 6; ++i) image.pixels.insert(image.pixels.end(), 3, i);
  const std::array<Bytes, 8> expected = {{{1, 2, 3, 4, 5, 6},
                                          {3, 2, 1, 6, 5, 4},
                                          {6, 5, 4, 3, 2, 1},
                                          {4, 5, 6, 1, 2, 3},
                                          {1, 4, 2, 5, 3, 6},
                                          {4, 1, 5, 2, 6, 3},
                                          {6, 3, 5, 2, 4, 1},
                                          {3, 6, 2, 5, 1, 4}}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    INFO("orientation " << orientation);
    const Image upright = turn_upright(image, orientation);
    CHECK(upright.width == (orientation >= 5 ? 2 : 3));
    Bytes numbers;
    for (std::size_t i = 0; i < 6; ++i) numbers.push_back(upright.pixels[3 * i + 1]);
    CHECK(numbers == expected[static_cast<std::size_t>(orientation - 1)]);
  }
}

}  // namespace
}  // namespace lamina::vision::detail
