#include "vision/orientation.h"

#include "vision/byte_order.h"

#include <algorithm>
#include <utility>

namespace lamina::vision::detail {
namespace {

constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kEntryBytes = 12;  // tag, type, count, value
constexpr std::uint32_t kOrientationTag = 0x0112;

enum : std::uint32_t { kTypeByte = 1, kTypeShort = 3, kTypeLong = 4 };

struct Tiff {
  std::span<const std::uint8_t> bytes;
  bool big_endian;

  std::uint32_t u16(std::size_t at) const {
    return big_endian ? u16_be(&bytes[at]) : u16_le(&bytes[at]);
  }
  std::uint32_t u32(std::size_t at) const {
    return big_endian ? u32_be(&bytes[at]) : u32_le(&bytes[at]);
  }
};

std::uint32_t entry_value(const Tiff& tiff, std::size_t entry) {
  switch (tiff.u16(entry + 2)) {
    case kTypeByte: return tiff.bytes[entry + 8];
    case kTypeShort: return tiff.u16(entry + 8);
    case kTypeLong: return tiff.u32(entry + 8);
    default: return 0;
  }
}

}  // namespace

int exif_orientation(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kHeaderBytes) return 1;
  const bool big_endian = bytes[0] == 'M' && bytes[1] == 'M';
  if (!big_endian && !(bytes[0] == 'I' && bytes[1] == 'I')) return 1;
  const Tiff tiff{bytes, big_endian};
  const std::size_t directory = tiff.u32(4);
  if (tiff.u16(2) != 42 || directory > bytes.size() - 2) return 1;

  const std::size_t first = directory + 2;
  const std::size_t present = (bytes.size() - first) / kEntryBytes;
  const std::size_t count = std::min<std::size_t>(tiff.u16(directory), present);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t entry = first + i * kEntryBytes;
    if (tiff.u16(entry) != kOrientationTag) continue;
    const std::uint32_t value = entry_value(tiff, entry);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image turn_upright(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool swap_axes = orientation >= 5;
  const bool mirror_x = orientation == 2 || orientation == 3 || orientation >= 7;
  const bool mirror_y =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;

  Image upright{image.width, image.height, std::vector<std::uint8_t>(image.pixels.size())};
  if (swap_axes) std::swap(upright.width, upright.height);
  std::uint8_t* out = upright.pixels.data();
  for (std::int64_t y = 0; y < upright.height; ++y) {
    for (std::int64_t x = 0; x < upright.width; ++x, out += Image::kChannels) {
      const std::int64_t across = swap_axes ? y : x;  // along the stored rows
      const std::int64_t down = swap_axes ? x : y;
      const std::int64_t from_x = mirror_x ? image.width - 1 - across : across;
      const std::int64_t from_y = mirror_y ? image.height - 1 - down : down;
      std::copy_n(image.row(from_y) + from_x * Image::kChannels, Image::kChannels, out);
    }
  }
  return upright;
}

}  // namespace lamina::vision::detail
