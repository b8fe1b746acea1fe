#include <lamina/vision/transforms.h>

#include <lamina/vision/resize.h>

#include "core/checked_math.h"
#include "core/require.h"

#include <algorithm>

namespace lamina::vision {
namespace {

constexpr std::int64_t kChannels = Image::kChannels;

// Half of a margin, halves rounded to even: 3 -> 2, 5 -> 2.
std::int64_t half_to_even(std::int64_t margin) {
  const std::int64_t half = margin / 2;
  return margin % 2 != 0 && half % 2 != 0 ? half + 1 : half;
}

// The part of an axis that a crop keeps, and the zeros before it where the axis is too short.
struct Span {
  std::int64_t from;    // first position kept
  std::int64_t count;   // positions kept
  std::int64_t before;  // zeros in front; zeros behind fill up to the crop
};

Span crop_span(std::int64_t length, std::int64_t crop) {
  if (length >= crop) return {half_to_even(length - crop), crop, 0};
  return {0, length, (crop - length) / 2};
}

void check(const Transforms& transforms) {
  LAMINA_REQUIRE(transforms.resize >= 0, "[preprocess] cannot resize to {}", transforms.resize);
  LAMINA_REQUIRE(transforms.crop >= 0, "[preprocess] cannot crop to {}", transforms.crop);
}

Size resized(Size size, const Transforms& transforms) {
  return transforms.resize == 0 ? size : scaled_size(size, transforms.resize);
}

// The image that normalize_into is to see. Where the crop lies inside the resized image, only that
// part of it is ever computed.
Image resize_and_crop(const Image& image, const Transforms& transforms) {
  const Size size = resized({image.width, image.height}, transforms);
  const std::int64_t crop = transforms.crop;
  if (crop == 0) return resize_bilinear(image, size.width, size.height);
  const Span across = crop_span(size.width, crop);
  const Span down = crop_span(size.height, crop);
  const Image kept = resize_bilinear(image, size.width, size.height,
                                     {across.from, down.from, across.count, down.count});
  return center_crop(kept, crop);
}

}  // namespace

Size scaled_size(Size size, std::int64_t shorter_side) {
  LAMINA_REQUIRE(size.width > 0 && size.height > 0, "[resize] the image is empty ({} x {})",
                 size.width, size.height);
  LAMINA_REQUIRE(shorter_side > 0, "[resize] cannot resize to {}", shorter_side);
  const auto [shorter, longer] = std::minmax(size.width, size.height);
  const auto scaled = checked_mul(shorter_side, longer);
  LAMINA_REQUIRE(scaled, "[resize] {} x {} scaled to {} does not fit 64 bits", size.width,
                 size.height, shorter_side);
  const std::int64_t longer_side = *scaled / shorter;
  return size.width <= size.height ? Size{shorter_side, longer_side}
                                   : Size{longer_side, shorter_side};
}

Image resize_shorter_side(const Image& image, std::int64_t size) {
  const Size scaled = scaled_size({image.width, image.height}, size);
  return resize_bilinear(image, scaled.width, scaled.height);
}

Image center_crop(const Image& image, std::int64_t size) {
  LAMINA_REQUIRE(size > 0, "[crop] cannot crop to {}", size);
  const auto pixels = checked_mul(size, size);
  const auto bytes = pixels ? checked_mul(*pixels, kChannels) : pixels;
  LAMINA_REQUIRE(bytes, "[crop] {} x {} pixels do not fit 64 bits", size, size);
  if (image.width == size && image.height == size) return image;

  const Span across = crop_span(image.width, size);
  const Span down = crop_span(image.height, size);
  Image cropped{size, size, std::vector<std::uint8_t>(static_cast<std::size_t>(*bytes))};
  for (std::int64_t y = 0; y < down.count; ++y) {
    std::copy_n(image.row(down.from + y) + across.from * kChannels, across.count * kChannels,
                cropped.row(down.before + y) + across.before * kChannels);
  }
  return cropped;
}

void normalize_into(const Image& image, const Transforms& transforms, float* out) {
  const std::int64_t pixels = image.width * image.height;
  for (std::size_t c = 0; c < 3; ++c) {
    const float mean = transforms.mean[c];
    const float std = transforms.std[c];
    LAMINA_REQUIRE(std != 0.0F, "[normalize] std of channel {} is zero", c);
    std::array<float, 256> value_of{};
    for (int byte = 0; byte < 256; ++byte) {
      value_of[static_cast<std::size_t>(byte)] = (static_cast<float>(byte) / 255.0F - mean) / std;
    }
    const std::uint8_t* pixel = image.pixels.data() + c;
    for (std::int64_t i = 0; i < pixels; ++i) out[i] = value_of[pixel[i * kChannels]];
    out += pixels;
  }
}

Size preprocessed_size(Size size, const Transforms& transforms) {
  check(transforms);
  if (transforms.crop > 0) return {transforms.crop, transforms.crop};
  return resized(size, transforms);
}

Tensor preprocess(const Image& image, const Transforms& transforms) {
  const Size size = preprocessed_size({image.width, image.height}, transforms);
  Tensor tensor = Tensor::empty({kChannels, size.height, size.width});
  preprocess_into(image, transforms, tensor.mutable_data<float>());
  return tensor;
}

void preprocess_into(const Image& image, const Transforms& transforms, float* out) {
  check(transforms);
  normalize_into(resize_and_crop(image, transforms), transforms, out);
}

}  // namespace lamina::vision
