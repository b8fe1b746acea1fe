#include "vision/png_pixels.h"

#include "vision/byte_order.h"

#include <algorithm>
#include <cstdlib>

namespace lamina::vision::detail {
namespace {

enum Filter { kNone = 0, kSub = 1, kUp = 2, kAverage = 3, kPaeth = 4 };

int samples(PngColor color) {
  switch (color) {
    case PngColor::grey:
    case PngColor::palette: return 1;
    case PngColor::grey_alpha: return 2;
    case PngColor::rgb: return 3;
    case PngColor::rgba: return 4;
  }
  return 0;
}

std::uint8_t sum(int a, int b) { return static_cast<std::uint8_t>(a + b); }

// Whichever of left, up and corner is nearest to left + up - corner; the earlier one in a tie.
int paeth(int left, int up, int corner) {
  const int to_left = std::abs(up - corner);
  const int to_up = std::abs(left - corner);
  const int to_corner = std::abs(left + up - 2 * corner);
  if (to_left <= to_up && to_left <= to_corner) return left;
  return to_up <= to_corner ? up : corner;
}

}  // namespace

bool is_legal(int bits, int color) {
  switch (color) {
    case static_cast<int>(PngColor::grey):
      return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16;
    case static_cast<int>(PngColor::palette):
      return bits == 1 || bits == 2 || bits == 4 || bits == 8;
    case static_cast<int>(PngColor::rgb):
    case static_cast<int>(PngColor::grey_alpha):
    case static_cast<int>(PngColor::rgba): return bits == 8 || bits == 16;
    default: return false;
  }
}

int bits_per_pixel(const PngHeader& header) { return header.bits * samples(header.color); }

bool unfilter(int filter, std::span<std::uint8_t> row, std::span<const std::uint8_t> above,
              std::size_t pixel_bytes) {
  const std::size_t size = row.size();
  const std::size_t head = std::min(pixel_bytes, size);  // bytes that have nothing to their left
  switch (filter) {
    case kNone: return true;
    case kSub:
      for (std::size_t i = head; i < size; ++i) row[i] = sum(row[i], row[i - pixel_bytes]);
      return true;
    case kUp:
      for (std::size_t i = 0; i < size; ++i) row[i] = sum(row[i], above[i]);
      return true;
    case kAverage:
      for (std::size_t i = 0; i < head; ++i) row[i] = sum(row[i], above[i] / 2);
      for (std::size_t i = head; i < size; ++i) {
        row[i] = sum(row[i], (row[i - pixel_bytes] + above[i]) / 2);
      }
      return true;
    case kPaeth:
      for (std::size_t i = 0; i < head; ++i) row[i] = sum(row[i], above[i]);
      for (std::size_t i = head; i < size; ++i) {
        row[i] = sum(row[i], paeth(row[i - pixel_bytes], above[i], above[i - pixel_bytes]));
      }
      return true;
    default: return false;
  }
}

void convert_png_row(const PngHeader& header, const Palette& palette, const std::uint8_t* row,
                     std::int64_t count, std::uint8_t* out, std::int64_t out_step) {
  const bool grey = header.color == PngColor::grey;
  if (header.bits <= 8 && (grey || header.color == PngColor::palette)) {
    look_up(row, header.bits, count, palette, out, out_step);
    return;
  }
  if (grey) {
    for (std::int64_t i = 0; i < count; ++i, out += out_step) {
      const auto value = static_cast<std::uint8_t>(std::min(u16_be(row + 2 * i), 255U));
      std::fill_n(out, Image::kChannels, value);
    }
    return;
  }
  const std::int64_t sample_bytes = header.bits / 8;
  const std::int64_t pixel_bytes = sample_bytes * samples(header.color);
  const std::int64_t step = header.color == PngColor::grey_alpha ? 0 : sample_bytes;
  for (std::int64_t i = 0; i < count; ++i, row += pixel_bytes, out += out_step) {
    out[0] = row[0];
    out[1] = row[step];
    out[2] = row[2 * step];
  }
}

}  // namespace lamina::vision::detail
