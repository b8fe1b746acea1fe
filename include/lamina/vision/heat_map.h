// A mask over a picture, in colours that grow evenly lighter: viridis, from dark blue for 0 to
// yellow for 1, which colour-blind readers and grey printers tell apart too.
#pragma once

#include <lamina/core/export.h>
#include <lamina/core/tensor.h>
#include <lamina/vision/image.h>
#include <lamina/vision/resize.h>
#include <lamina/vision/transforms.h>

#include <array>
#include <cstdint>

namespace lamina::vision {

/// Red, green and blue of a value in [0, 1]; what lies outside, or is NaN, counts as 0 or 1.
LAMINA_API std::array<std::uint8_t, 3> heat_color(float value);

/// The part of a picture that `transforms` show the net, in the picture's own pixels, rounded. It
/// reaches beyond the picture where the crop does.
LAMINA_API Window seen_window(Size picture, const Transforms& transforms);

/// The picture in grey, with the mask's colours laid over `where`, so that every colour is the
/// mask's; what lies outside `where`, and was not looked at, is paler still. The mask is stretched
/// over `where` bilinearly.
/// Shapes:   mask [h, w] f32 in [0, 1], h and w at least 1
/// Errors:   InvalidArgument for a mask of another rank or dtype, or an empty `where`
LAMINA_API Image overlay_heat_map(const Image& picture, const Tensor& mask, const Window& where);

}  // namespace lamina::vision
