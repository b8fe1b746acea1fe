// BMP: 1, 4 and 8 bits with a palette, plain or run-length encoded, and 16, 24 and 32 bits of
// colour. The header's fields are taken as Pillow takes them.
#include "vision/bmp_runs.h"
#include "vision/byte_order.h"
#include "vision/decoder.h"
#include "vision/palette.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace lamina::vision::detail {
namespace {

constexpr std::size_t kFileHeaderBytes = 14;
constexpr std::size_t kCoreHeaderBytes = 12;  // OS/2's, with 16-bit sizes and 3-byte palettes
constexpr std::size_t kInfoHeaderBytes = 40;  // Windows', the shortest of those with masks after

enum Compression : std::uint32_t { kRaw = 0, kRle8 = 1, kRle4 = 2, kBitfields = 3 };

struct BmpHeader {
  std::int64_t width = 0, height = 0;
  bool top_down = false;
  std::uint32_t bits = 0;  // of a pixel
  std::uint32_t compression = kRaw;
  std::size_t color_count = 0;           // of the palette
  std::size_t color_bytes = 4;           // of one of its entries
  std::array<std::uint32_t, 4> masks{};  // red, green, blue, alpha; with kBitfields
  std::size_t after_header = 0;          // where a palette starts
  std::size_t pixels_at = 0;

  bool is_paletted() const { return bits == 1 || bits == 4 || bits == 8; }
  bool is_run_length() const { return compression == kRle8 || compression == kRle4; }
};

/// Bytes [at, at + count) of the file.
Bytes need(const Source& source, std::size_t at, std::size_t count) {
  if (at > source.bytes.size() || count > source.bytes.size() - at) {
    fail(FormatErrc::truncated, fmt::format("truncated BMP: only {} bytes", source.bytes.size()),
         source);
  }
  return source.bytes.subspan(at, count);
}

void parse_masks(const Source& source, Bytes info, BmpHeader& header) {
  constexpr std::size_t kMasksAt = 40;
  const bool inside = info.size() >= kMasksAt + 12;
  const bool with_alpha = info.size() >= kMasksAt + 16;
  const Bytes masks = inside ? info.subspan(kMasksAt) : need(source, header.after_header, 12);
  for (std::size_t i = 0; i < (with_alpha ? 4U : 3U); ++i) header.masks[i] = u32_le(&masks[4 * i]);
  if (!inside) header.after_header += 12;
}

BmpHeader parse_header(const Source& source) {
  const std::size_t size = u32_le(need(source, kFileHeaderBytes, 4).data());
  constexpr std::array<std::size_t, 7> kKnown = {
      kCoreHeaderBytes, kInfoHeaderBytes, 52, 56, 64, 108, 124};
  if (std::find(kKnown.begin(), kKnown.end(), size) == kKnown.end()) {
    fail(FormatErrc::bad_image, fmt::format("a BMP with an unknown header of {} bytes", size),
         source);
  }
  const Bytes info = need(source, kFileHeaderBytes, size);
  BmpHeader header;
  header.after_header = kFileHeaderBytes + size;
  if (size == kCoreHeaderBytes) {
    header.width = u16_le(&info[4]);
    header.height = u16_le(&info[6]);
    header.bits = u16_le(&info[10]);
    header.color_bytes = 3;
  } else {
    header.top_down = info[11] == 0xFF;  // a negative height
    header.width = u32_le(&info[4]);
    header.height = u32_le(&info[8]);
    if (header.top_down) header.height = (std::int64_t{1} << 32) - header.height;
    header.bits = u16_le(&info[14]);
    header.compression = u32_le(&info[16]);
    header.color_count = u32_le(&info[32]);
    if (header.compression == kBitfields) parse_masks(source, info, header);
  }
  if (header.color_count == 0 && header.bits <= 8) {
    header.color_count = std::size_t{1} << header.bits;
  }
  header.pixels_at = u32_le(&source.bytes[10]);
  // Some writers leave the palette out of the offset.
  if (header.bits <= 8 && header.pixels_at == kFileHeaderBytes + size) {
    header.pixels_at += header.color_bytes * header.color_count;
  }
  return header;
}

Palette parse_palette(const Source& source, const BmpHeader& header) {
  const std::size_t count = header.color_count;
  if (count > 256) {
    fail(FormatErrc::bad_image, fmt::format("a BMP with a palette of {} colors", count), source);
  }
  const Bytes entries = need(source, header.after_header, count * header.color_bytes);
  Palette palette;
  for (std::size_t i = 0; i < count; ++i) {
    std::reverse_copy(&entries[i * header.color_bytes], &entries[i * header.color_bytes] + 3,
                      palette.colors[i].begin());
  }
  // Where the palette says nothing, Pillow drops it, and indices past its end are greys too.
  const Palette ramp = count <= 2 ? Palette::grey(2) : Palette::grey(256);
  const bool grey =
      std::equal(palette.colors.begin(),
                 palette.colors.begin() + static_cast<std::ptrdiff_t>(count), ramp.colors.begin());
  return grey ? ramp : palette;
}

// Where red, green and blue lie in a pixel: whole bytes of it, or bit fields of 5 and 6 bits.
struct ColorLayout {
  std::int64_t bytes;  // of a pixel
  std::array<std::int64_t, 3> at;
  bool green_has_6_bits;
};

constexpr ColorLayout kRgb555 = {2, {}, false};
constexpr ColorLayout kRgb565 = {2, {}, true};
constexpr ColorLayout kBgr = {3, {2, 1, 0}, false};
constexpr ColorLayout kBgrx = {4, {2, 1, 0}, false};
constexpr ColorLayout kRgbx = {4, {0, 1, 2}, false};
constexpr ColorLayout kXbgr = {4, {3, 2, 1}, false};
constexpr ColorLayout kBgxr = {4, {3, 1, 0}, false};

ColorLayout color_layout(const Source& source, const BmpHeader& header) {
  struct Known {
    std::uint32_t bits;
    std::array<std::uint32_t, 4> masks;
    ColorLayout layout;
  };
  static constexpr std::array kKnown = {
      Known{32, {0xFF0000, 0xFF00, 0xFF, 0}, kBgrx},
      Known{32, {0xFF0000, 0xFF00, 0xFF, 0xFF000000}, kBgrx},
      Known{32, {0, 0, 0, 0}, kBgrx},
      Known{32, {0xFF, 0xFF00, 0xFF0000, 0xFF000000}, kRgbx},
      Known{32, {0xFF000000, 0xFF0000, 0xFF00, 0}, kXbgr},
      Known{32, {0xFF000000, 0xFF0000, 0xFF00, 0xFF}, kXbgr},
      Known{32, {0xFF000000, 0xFF00, 0xFF, 0}, kBgxr},
      Known{32, {0xFF000000, 0xFF00, 0xFF, 0xFF0000}, kBgxr},
      Known{24, {0xFF0000, 0xFF00, 0xFF, 0}, kBgr},
      Known{16, {0xF800, 0x7E0, 0x1F, 0}, kRgb565},
      Known{16, {0x7C00, 0x3E0, 0x1F, 0}, kRgb555},
  };
  if (header.compression == kRaw) {
    return header.bits == 16 ? kRgb555 : header.bits == 24 ? kBgr : kBgrx;
  }
  for (const Known& known : kKnown) {
    if (known.bits != header.bits) continue;
    const std::ptrdiff_t compared = header.bits == 32 ? 4 : 3;  // alpha counts only with 32 bits
    if (std::equal(known.masks.begin(), known.masks.begin() + compared, header.masks.begin())) {
      return known.layout;
    }
  }
  throw Unsupported(fmt::format("a BMP with color masks {:x} {:x} {:x} {:x}: {}", header.masks[0],
                                header.masks[1], header.masks[2], header.masks[3], source.name));
}

void convert_colors(const std::uint8_t* row, std::int64_t count, const ColorLayout& layout,
                    std::uint8_t* out) {
  const auto scaled = [](std::uint32_t value, std::uint32_t most) {
    return static_cast<std::uint8_t>(value * 255 / most);
  };
  for (std::int64_t i = 0; i < count; ++i, row += layout.bytes, out += Image::kChannels) {
    if (layout.bytes == 2) {
      const std::uint32_t pixel = u16_le(row);
      const std::uint32_t green_bits = layout.green_has_6_bits ? 6 : 5;
      const std::uint32_t green_most = (1U << green_bits) - 1;
      out[0] = scaled(pixel >> (5 + green_bits) & 31, 31);
      out[1] = scaled(pixel >> 5 & green_most, green_most);
      out[2] = scaled(pixel & 31, 31);
    } else {
      for (std::size_t c = 0; c < 3; ++c) out[c] = row[layout.at[c]];
    }
  }
}

// Throws for a pairing of depth and compression that is not read.
void check_encoding(const Source& source, const BmpHeader& header) {
  const bool paletted = header.is_paletted();
  if (!paletted && header.bits != 16 && header.bits != 24 && header.bits != 32) {
    fail(FormatErrc::bad_image, fmt::format("a BMP of {} bits a pixel", header.bits), source);
  }
  const bool known = header.compression == kRaw ||
                     (header.is_run_length() && paletted && header.bits != 1) ||
                     (header.compression == kBitfields && !paletted);
  if (known) return;
  throw Unsupported(fmt::format("a BMP of {} bits a pixel with compression {}: {}", header.bits,
                                header.compression, source.name));
}

}  // namespace

Decoded decode_bmp(const Source& source) {
  const BmpHeader header = parse_header(source);
  check_encoding(source, header);
  check_size(header.width, header.height, source);
  const bool paletted = header.is_paletted();
  const Palette palette = paletted ? parse_palette(source, header) : Palette{};
  const ColorLayout layout = paletted ? ColorLayout{} : color_layout(source, header);

  auto row_bytes = static_cast<std::size_t>((header.width * header.bits + 31) / 32 * 4);
  int index_bits = static_cast<int>(header.bits);
  std::vector<std::uint8_t> indices;
  Bytes rows;
  if (header.is_run_length()) {
    indices = decode_bmp_runs(source, header.width, header.height, header.compression == kRle4,
                              header.pixels_at);
    rows = indices;
    row_bytes = static_cast<std::size_t>(header.width);
    index_bits = 8;
  } else {
    // The last row may come without its padding.
    const std::int64_t last_bytes = (header.width * header.bits + 7) / 8;
    rows = need(source, header.pixels_at,
                row_bytes * static_cast<std::size_t>(header.height - 1) +
                    static_cast<std::size_t>(last_bytes));
  }

  Decoded decoded{make_image(header.width, header.height, source), 1};
  for (std::int64_t y = 0; y < header.height; ++y) {
    const std::uint8_t* row = rows.data() + static_cast<std::size_t>(y) * row_bytes;
    std::uint8_t* out = decoded.image.row(header.top_down ? y : header.height - 1 - y);
    if (paletted) {
      look_up(row, index_bits, header.width, palette, out, Image::kChannels);
    } else {
      convert_colors(row, header.width, layout, out);
    }
  }
  return decoded;
}

}  // namespace lamina::vision::detail
