// The two steps that turn an inflated row of a PNG into RGB: undoing its filter, and converting.
#pragma once

#include "vision/palette.h"

#include <cstdint>
#include <span>

namespace lamina::vision::detail {

enum class PngColor { grey = 0, rgb = 2, palette = 3, grey_alpha = 4, rgba = 6 };

struct PngHeader {
  std::int64_t width, height;
  int bits;  // of a sample
  PngColor color;
  bool interlaced;
};

/// Whether the PNG specification has this pairing of sample bits and colour type.
bool is_legal(int bits, int color);

int bits_per_pixel(const PngHeader& header);

/// Undoes a row's filter in place. `above` is the row before, already undone; zeros for the first.
/// False where there is no such filter. `pixel_bytes` is a pixel's size, at least 1.
bool unfilter(int filter, std::span<std::uint8_t> row, std::span<const std::uint8_t> above,
              std::size_t pixel_bytes);

/// A row's pixels to RGB, with no regard to alpha or transparency: Pillow drops them too. 16-bit
/// colour loses its low byte; 16-bit grey is clipped at 255, as Pillow clips its mode I;16.
void convert_png_row(const PngHeader& header, const Palette& palette, const std::uint8_t* row,
                     std::int64_t count, std::uint8_t* out, std::int64_t out_step);

}  // namespace lamina::vision::detail
