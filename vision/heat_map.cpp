#include <lamina/vision/heat_map.h>

#include "core/linear_tap.h"
#include "core/require.h"
#include "vision/viridis.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace lamina::vision {
namespace {

constexpr float kOpacity = 0.6F;         // of the colours over the grey picture
constexpr float kUnseenPaleness = 0.6F;  // how far an unseen pixel goes to white

// ITU-R BT.601, as PIL's convert("L") weighs them.
float grey_of(const std::uint8_t* pixel) {
  return 0.299F * pixel[0] + 0.587F * pixel[1] + 0.114F * pixel[2];
}

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0F, 255.0F)));
}

// Where `crop` pixels in the middle of `scaled` lie on an axis that is `length` long.
struct Span {
  std::int64_t begin, count;
};

Span seen_span(std::int64_t length, std::int64_t scaled, std::int64_t crop) {
  if (crop == 0) return {0, length};
  const double pixel = static_cast<double>(length) / static_cast<double>(scaled);
  const double begin = static_cast<double>(scaled - crop) / 2 * pixel;
  const std::int64_t first = std::llround(begin);
  const std::int64_t last = std::llround(begin + static_cast<double>(crop) * pixel);
  return {first, std::max<std::int64_t>(last - first, 1)};
}

// Nothing for a pixel outside [begin, begin + count), over which `size` values are stretched.
std::optional<LinearTap> tap_at(std::int64_t pixel, std::int64_t begin, std::int64_t count,
                                std::int64_t size) {
  if (pixel < begin || pixel >= begin + count) return std::nullopt;
  return linear_tap(pixel - begin, count, size);
}

}  // namespace

std::array<std::uint8_t, 3> heat_color(float value) {
  const float inside = value >= 0 ? std::min(value, 1.0F) : 0.0F;  // NaN is not >= 0
  return kViridis[std::lround(inside * 255)];
}

Window seen_window(Size picture, const Transforms& transforms) {
  const Size scaled = transforms.resize == 0 ? picture : scaled_size(picture, transforms.resize);
  const Span across = seen_span(picture.width, scaled.width, transforms.crop);
  const Span down = seen_span(picture.height, scaled.height, transforms.crop);
  return {.x = across.begin, .y = down.begin, .width = across.count, .height = down.count};
}

Image overlay_heat_map(const Image& picture, const Tensor& mask, const Window& where) {
  LAMINA_REQUIRE(
      mask.defined() && mask.dtype() == DType::f32 && mask.rank() == 2 && mask.numel() > 0,
      "[heat_map] the mask is {} {}, expected f32 [h, w]", to_string(mask.dtype()), mask.shape());
  LAMINA_REQUIRE(where.width > 0 && where.height > 0, "[heat_map] {} x {} pixels to lay it over",
                 where.width, where.height);
  const Tensor values = mask.contiguous();
  const std::int64_t width = mask.size(1);
  Image result = picture;
  for (std::int64_t y = 0; y < picture.height; ++y) {
    const std::optional<LinearTap> row = tap_at(y, where.y, where.height, mask.size(0));
    std::uint8_t* pixel = result.row(y);
    for (std::int64_t x = 0; x < picture.width; ++x, pixel += Image::kChannels) {
      const float grey = grey_of(pixel);
      const std::optional<LinearTap> column = tap_at(x, where.x, where.width, width);
      if (!row || !column) {
        std::fill_n(pixel, Image::kChannels, to_byte(grey + (255 - grey) * kUnseenPaleness));
        continue;
      }
      const auto along = [&](std::int64_t line) {
        const float* values_of = values.data<float>() + line * width;
        return std::lerp(values_of[column->first], values_of[column->second], column->part);
      };
      const auto color = heat_color(std::lerp(along(row->first), along(row->second), row->part));
      for (std::size_t c = 0; c < color.size(); ++c) {
        pixel[c] = to_byte(grey + (static_cast<float>(color[c]) - grey) * kOpacity);
      }
    }
  }
  return result;
}

}  // namespace lamina::vision
