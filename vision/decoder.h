// What the decoders of the formats share: the source they read, how they fail, and the check that
// comes before any allocation.
#pragma once

#include <lamina/core/error.h>
#include <lamina/vision/image.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lamina::vision::detail {

using Bytes = std::span<const std::uint8_t>;

struct Source {
  Bytes bytes;
  std::string_view name;    // what messages call it
  std::int64_t max_pixels;  // of the image
};

struct Decoded {
  Image image;
  int orientation = 1;  // EXIF's, [1, 8]
};

/// Throws FormatError "<what>: <name of the source>".
[[noreturn]] void fail(FormatErrc code, const std::string& what, const Source& source);

/// Fails for a side that is not positive, and for more pixels than the source's limit.
void check_size(std::int64_t width, std::int64_t height, const Source& source);

/// An image of zeros; the size is checked before anything is allocated.
Image make_image(std::int64_t width, std::int64_t height, const Source& source);

Decoded decode_jpeg(const Source& source);
Decoded decode_png(const Source& source);
Decoded decode_bmp(const Source& source);
Decoded decode_gif(const Source& source);

}  // namespace lamina::vision::detail
