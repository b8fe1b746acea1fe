#include <lamina/vision/encode.h>

#include "core/require.h"
#include "vision/jpeg_errors.h"

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

namespace lamina::vision {
namespace {

// What lives across the longjmp: nothing with a destructor may.
struct Encoder {
  jpeg_compress_struct info;
  detail::JpegErrors errors;
  unsigned char* data = nullptr;
  unsigned long size = 0;
};

bool encode(Encoder& encoder, const Image& image, int quality) {
  encoder.info.err = ::jpeg_std_error(&encoder.errors.base);
  encoder.errors.base.error_exit = detail::escape_with_message;
  if (setjmp(encoder.errors.escape) != 0) return false;
  ::jpeg_create_compress(&encoder.info);
  ::jpeg_mem_dest(&encoder.info, &encoder.data, &encoder.size);
  encoder.info.image_width = static_cast<JDIMENSION>(image.width);
  encoder.info.image_height = static_cast<JDIMENSION>(image.height);
  encoder.info.input_components = static_cast<int>(Image::kChannels);
  encoder.info.in_color_space = JCS_RGB;
  ::jpeg_set_defaults(&encoder.info);
  ::jpeg_set_quality(&encoder.info, quality, TRUE);
  encoder.info.optimize_coding = TRUE;
  ::jpeg_start_compress(&encoder.info, TRUE);
  while (encoder.info.next_scanline < encoder.info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.row(encoder.info.next_scanline));
    ::jpeg_write_scanlines(&encoder.info, &row, 1);
  }
  ::jpeg_finish_compress(&encoder.info);
  return true;
}

}  // namespace

std::vector<std::byte> encode_jpeg(const Image& image, int quality) {
  LAMINA_REQUIRE(quality >= 1 && quality <= 100, "[jpeg] quality {}", quality);
  LAMINA_REQUIRE(image.width > 0 && image.height > 0 && image.width <= JPEG_MAX_DIMENSION &&
                     image.height <= JPEG_MAX_DIMENSION,
                 "[jpeg] cannot write {} x {} pixels", image.width, image.height);
  Encoder encoder{};
  const bool done = encode(encoder, image, quality);
  std::vector<std::byte> bytes;
  if (done) {
    const auto* data = reinterpret_cast<const std::byte*>(encoder.data);
    bytes.assign(data, data + encoder.size);
  }
  ::jpeg_destroy_compress(&encoder.info);
  std::free(encoder.data);
  if (!done) throw Error(fmt::format("[jpeg] {}", encoder.errors.message));
  return bytes;
}

}  // namespace lamina::vision
