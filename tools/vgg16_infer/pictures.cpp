#include "tools/vgg16_infer/pictures.h"

#include <lamina/vision/heat_map.h>

#include <algorithm>
#include <cmath>

namespace lamina::tools {
namespace {

constexpr std::int64_t kLeastSide = 256, kLargestSide = 2048;

vision::Image repeated(const vision::Image& picture, std::int64_t times) {
  vision::Image result{picture.width * times, picture.height * times, {}};
  result.pixels.resize(
      static_cast<std::size_t>(result.width * result.height * vision::Image::kChannels));
  for (std::int64_t y = 0; y < result.height; ++y) {
    const std::uint8_t* from = picture.row(y / times);
    std::uint8_t* to = result.row(y);
    for (std::int64_t x = 0; x < result.width; ++x) {
      to = std::copy_n(from + x / times * vision::Image::kChannels, vision::Image::kChannels, to);
    }
  }
  return result;
}

// The window of a picture that is `by` times as large.
vision::Window scaled(const vision::Window& window, double by) {
  const auto round = [by](std::int64_t at) {
    return std::int64_t{std::llround(static_cast<double>(at) * by)};
  };
  const std::int64_t x = round(window.x), y = round(window.y);
  return {.x = x,
          .y = y,
          .width = std::max<std::int64_t>(round(window.x + window.width) - x, 1),
          .height = std::max<std::int64_t>(round(window.y + window.height) - y, 1)};
}

}  // namespace

ShownPicture at_most(const ShownPicture& picture, std::int64_t longer_side) {
  const std::int64_t longer = std::max(picture.image.width, picture.image.height);
  if (longer <= longer_side) return picture;
  const double by = static_cast<double>(longer_side) / static_cast<double>(longer);
  const auto side = [by](std::int64_t length) {
    return std::max<std::int64_t>(std::llround(static_cast<double>(length) * by), 1);
  };
  return {
      vision::resize_bilinear(picture.image, side(picture.image.width), side(picture.image.height)),
      scaled(picture.seen, by), picture.enlarged};
}

ShownPicture show_picture(const vision::Image& picture, const vision::Transforms& transforms) {
  const vision::Window seen = vision::seen_window({picture.width, picture.height}, transforms);
  const std::int64_t longer = std::max(picture.width, picture.height);
  if (longer >= kLeastSide) return at_most({picture, seen, false}, kLargestSide);
  const std::int64_t times = (kLeastSide + longer - 1) / longer;
  // The window anew, from the larger size: a crop of 8 pixels has an edge between two of them.
  vision::Transforms larger = transforms;
  if (larger.resize == 0) larger.crop *= times;
  return {repeated(picture, times),
          vision::seen_window({picture.width * times, picture.height * times}, larger), true};
}

vision::Image with_heat(const ShownPicture& picture, const Tensor& mask) {
  return vision::overlay_heat_map(picture.image, mask, picture.seen);
}

}  // namespace lamina::tools
