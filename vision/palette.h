// Up to 256 colours, looked up by pixels of 1, 2, 4 or 8 bits.
#pragma once

#include <lamina/vision/image.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace lamina::vision::detail {

/// Colours that a file does not give are black, as in Pillow: an index can point past the end.
struct Palette {
  std::array<std::array<std::uint8_t, 3>, 256> colors{};

  /// `levels` greys from black to white; index i past them is grey i where levels is 256.
  static Palette grey(int levels) {
    Palette palette;
    for (int i = 0; i < levels; ++i) {
      palette.colors[static_cast<std::size_t>(i)].fill(
          static_cast<std::uint8_t>(i * 255 / (levels - 1)));
    }
    return palette;
  }
};

/// Pixels of `bits` bits, packed from the high end of each byte, to RGB.
/// Requires: `packed` holds count * bits bits; out_step is the distance of two pixels of `out`
inline void look_up(const std::uint8_t* packed, int bits, std::int64_t count,
                    const Palette& palette, std::uint8_t* out, std::int64_t out_step) {
  const int mask = (1 << bits) - 1;
  for (std::int64_t i = 0; i < count; ++i, out += out_step) {
    const std::int64_t bit = i * bits;
    const int shift = 8 - bits - static_cast<int>(bit % 8);
    const auto& color = palette.colors[static_cast<std::size_t>(packed[bit / 8] >> shift & mask)];
    std::copy(color.begin(), color.end(), out);
  }
}

}  // namespace lamina::vision::detail
