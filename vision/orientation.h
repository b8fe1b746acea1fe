// EXIF's orientation: reading it out of hostile bytes, and turning an image upright by it.
#pragma once

#include <lamina/vision/image.h>

#include <cstdint>
#include <span>

namespace lamina::vision::detail {

/// The orientation, [1, 8], in a TIFF structure (what follows "Exif\0\0" in a JPEG and fills the
/// eXIf chunk of a PNG); 1 where there is none, or nothing that can be made sense of.
int exif_orientation(std::span<const std::uint8_t> tiff);

/// The image as a viewer shows it. Orientation 1 is upright; 2 to 4 mirror or turn by 180 degrees;
/// 5 to 8 also exchange rows and columns.
Image turn_upright(Image image, int orientation);

}  // namespace lamina::vision::detail
