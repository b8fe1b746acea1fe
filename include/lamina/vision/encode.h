// Pictures into files: PNG for what must keep its pixels, JPEG for what should be small.
#pragma once

#include <lamina/core/export.h>
#include <lamina/vision/image.h>

#include <cstddef>
#include <vector>

namespace lamina::vision {

/// A PNG file of 8-bit RGB, without loss.
/// Errors:   InvalidArgument for an image without pixels, or of 2^31 pixels along a side
LAMINA_API std::vector<std::byte> encode_png(const Image& image);

/// A baseline JPEG file with chroma at half the size.
/// Requires: quality in [1, 100]
/// Errors:   InvalidArgument for another quality, an image without pixels, or of more than 65500
///           along a side
LAMINA_API std::vector<std::byte> encode_jpeg(const Image& image, int quality = 85);

}  // namespace lamina::vision
