#include <lamina/vision/resize.h>

#include "core/require.h"
#include "vision/resize_taps.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace lamina::vision {
namespace {

constexpr std::int64_t kChannels = Image::kChannels;
constexpr std::int64_t kMaxOutputPixels = std::int64_t{1} << 31;

constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

std::uint8_t round_to_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

Image blank(std::int64_t width, std::int64_t height) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * kChannels))};
}

// A part of an image whose pixel (x, y) is the pixel (x0 + x, y0 + y) of the whole that the taps
// count in.
struct Part {
  const Image& image;
  std::int64_t x0, y0;

  const std::uint8_t* pixel(std::int64_t x, std::int64_t y) const {
    return image.row(y - y0) + (x - x0) * kChannels;
  }
};

// Rows [y, y + height) of the whole, each scaled to the table's columns.
Image scale_across(const Part& in, const TapTable& columns, std::int64_t y, std::int64_t height) {
  Image result = blank(columns.size(), height);
  std::uint8_t* out = result.pixels.data();
  for (std::int64_t row = y; row < y + height; ++row) {
    for (std::int64_t x = 0; x < columns.size(); ++x, out += kChannels) {
      const Taps taps = columns[x];
      const std::uint8_t* pixel = in.pixel(taps.first, row);
      std::int32_t red = kHalf, green = kHalf, blue = kHalf;
      for (std::int64_t k = 0; k < taps.count; ++k, pixel += kChannels) {
        red += pixel[0] * taps.weights[k];
        green += pixel[1] * taps.weights[k];
        blue += pixel[2] * taps.weights[k];
      }
      out[0] = round_to_byte(red);
      out[1] = round_to_byte(green);
      out[2] = round_to_byte(blue);
    }
  }
  return result;
}

// Columns [x, x + width) of the whole, each scaled to the table's lines. Row by row, so that the
// loops run along memory.
Image scale_down(const Part& in, const TapTable& lines, std::int64_t x, std::int64_t width) {
  Image result = blank(width, lines.size());
  std::vector<std::int32_t> sums(static_cast<std::size_t>(width * kChannels));
  for (std::int64_t y = 0; y < lines.size(); ++y) {
    const Taps taps = lines[y];
    std::fill(sums.begin(), sums.end(), kHalf);
    for (std::int64_t k = 0; k < taps.count; ++k) {
      const std::uint8_t* row = in.pixel(x, taps.first + k);
      const std::int32_t weight = taps.weights[k];
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += row[i] * weight;
    }
    std::uint8_t* out = result.row(y);
    for (std::size_t i = 0; i < sums.size(); ++i) out[i] = round_to_byte(sums[i]);
  }
  return result;
}

}  // namespace

Image resize_bilinear(const Image& image, std::int64_t width, std::int64_t height) {
  return resize_bilinear(image, width, height, {0, 0, width, height});
}

Image resize_bilinear(const Image& image, std::int64_t width, std::int64_t height,
                      const Window& window) {
  LAMINA_REQUIRE(image.width > 0 && image.height > 0, "[resize] the image is empty ({} x {})",
                 image.width, image.height);
  LAMINA_REQUIRE(width > 0 && height > 0, "[resize] cannot resize to {} x {}", width, height);
  LAMINA_REQUIRE(window.x >= 0 && window.width > 0 && window.width <= width - window.x &&
                     window.y >= 0 && window.height > 0 && window.height <= height - window.y,
                 "[resize] a window of {} x {} at ({}, {}) does not lie inside {} x {}",
                 window.width, window.height, window.x, window.y, width, height);
  LAMINA_REQUIRE(window.width <= kMaxOutputPixels / window.height,
                 "[resize] {} x {} is more than {} pixels", window.width, window.height,
                 kMaxOutputPixels);

  const TapTable columns(image.width, width, window.x, window.width);
  const TapTable lines(image.height, height, window.y, window.height);
  if (goes_down_first({image.width, image.height}, {width, height})) {
    const std::int64_t x = columns.first_input();
    const Image low = scale_down({image, 0, 0}, lines, x, columns.last_input() - x);
    return scale_across({low, x, 0}, columns, 0, low.height);
  }
  const std::int64_t y = lines.first_input();
  const Image narrow = scale_across({image, 0, 0}, columns, y, lines.last_input() - y);
  return scale_down({narrow, 0, y}, lines, 0, narrow.width);
}

}  // namespace lamina::vision
