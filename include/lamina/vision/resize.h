// Pillow's antialiased bilinear resize, bit for bit.
#pragma once

#include <lamina/core/export.h>
#include <lamina/vision/image.h>

namespace lamina::vision {

/// The image at another size: each output pixel is the average of the input pixels around its
/// centre, weighted by a triangle as wide as one output pixel (when shrinking) or one input pixel
/// (when growing).
/// Requires: width, height > 0; the image has at least one pixel
/// Errors:   InvalidArgument; also where the result would have more than 2^31 pixels
/// Numerics: weights rounded to 22 fractional bits, sums exact in 32-bit integers, each of the two
///           passes (along rows and along columns) rounded to 8 bits
/// Source:   equals PIL.Image.resize((width, height), BILINEAR) of Pillow 13; earlier versions
///           differ by up to one level where the height shrinks by far more than the width
LAMINA_API Image resize_bilinear(const Image& image, std::int64_t width, std::int64_t height);

/// A rectangle of a larger image, in pixels.
struct Window {
  std::int64_t x = 0, y = 0;
  std::int64_t width = 0, height = 0;
};

/// A window of what resize_bilinear(image, width, height) would give, without computing the rest:
/// the crop of a 3000x1 picture scaled to 768000x256 costs no more than that of a square one.
/// Requires: the window lies inside width x height
/// Errors:   InvalidArgument
LAMINA_API Image resize_bilinear(const Image& image, std::int64_t width, std::int64_t height,
                                 const Window& window);

}  // namespace lamina::vision
