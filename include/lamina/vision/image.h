// A decoded picture: 8-bit RGB in memory, as PIL's Image.convert("RGB") holds it.
#pragma once

#include <cstdint>
#include <vector>

namespace lamina::vision {

/// Rows run from top to bottom, without padding between them.
struct Image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> pixels;  // [height, width, 3]

  static constexpr std::int64_t kChannels = 3;

  const std::uint8_t* row(std::int64_t y) const { return pixels.data() + y * width * kChannels; }
  std::uint8_t* row(std::int64_t y) { return pixels.data() + y * width * kChannels; }

  friend bool operator==(const Image&, const Image&) = default;
};

}  // namespace lamina::vision
