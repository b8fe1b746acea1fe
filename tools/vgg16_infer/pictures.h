// Pictures as a person looks at them: of a size for a screen, and with a heat map over them.
#pragma once

#include <lamina/core/tensor.h>
#include <lamina/vision/image.h>
#include <lamina/vision/resize.h>
#include <lamina/vision/transforms.h>

#include <cstdint>

namespace lamina::tools {

/// A decoded picture for the screen, and which part of it the net saw.
struct ShownPicture {
  vision::Image image;
  vision::Window seen;    ///< in its pixels
  bool enlarged = false;  ///< each pixel is a square of several
};

/// The picture itself where it has 256 to 2048 pixels along its longer side; a smaller one has its
/// pixels repeated a whole number of times, a larger one is scaled down.
ShownPicture show_picture(const vision::Image& picture, const vision::Transforms& transforms);

/// Scaled down so that the longer side has at most so many pixels.
ShownPicture at_most(const ShownPicture& picture, std::int64_t longer_side);

/// With the map's colours over what the net saw. `mask` is [h, w] in [0, 1].
vision::Image with_heat(const ShownPicture& picture, const Tensor& mask);

}  // namespace lamina::tools
