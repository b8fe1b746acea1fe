// JPEG through libjpeg-turbo, with the settings Pillow uses: the accurate integer DCT and smooth
// chroma upsampling (both libjpeg's defaults), and a source that ends where the file ends instead
// of inventing an end-of-image marker, so that a truncated file is an error.
#include "vision/decoder.h"
#include "vision/jpeg_errors.h"
#include "vision/orientation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

#include <jpeglib.h>

namespace lamina::vision::detail {
namespace {

// A progressive file can ask for any number of passes over all its coefficients; encoders write
// about ten.
constexpr int kMaxScans = 500;
constexpr int kCmykComponents = 4;
constexpr std::array<std::uint8_t, 6> kExifPrefix = {'E', 'x', 'i', 'f', 0, 0};

// Damaged entropy-coded data is a warning of libjpeg's; Pillow takes the pixels, and so do we.
void ignore_warning(j_common_ptr, int) {}

void limit_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kMaxScans);
  std::longjmp(errors->escape, 1);
}

void nothing_to_do(j_decompress_ptr) {}
boolean no_more_bytes(j_decompress_ptr) { return FALSE; }

void skip_bytes(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  const std::size_t skipped = std::min(static_cast<std::size_t>(count), info->src->bytes_in_buffer);
  info->src->next_input_byte += skipped;
  info->src->bytes_in_buffer -= skipped;
}

class JpegReader {
 public:
  explicit JpegReader(const Source& source) : source_(source) {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = escape_with_message;
    errors_.base.emit_message = ignore_warning;
    guarded([this] { jpeg_create_decompress(&info_); });
    input_ = {source.bytes.data(), source.bytes.size(),    nothing_to_do, no_more_bytes,
              skip_bytes,          jpeg_resync_to_restart, nothing_to_do};
    info_.src = &input_;
    progress_.progress_monitor = limit_scans;
    info_.progress = &progress_;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  void read_header() {
    bool complete = false;
    guarded([&] {
      jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xFFFF);
      complete = jpeg_read_header(&info_, TRUE) == JPEG_HEADER_OK;
    });
    if (!complete) fail(FormatErrc::truncated, "truncated JPEG: it ends in its header", source_);
    const int components = info_.num_components;
    if (components != 1 && components != 3 && components != kCmykComponents) {
      fail(FormatErrc::bad_image, fmt::format("a JPEG of {} components", components), source_);
    }
  }

  std::int64_t width() const { return info_.image_width; }
  std::int64_t height() const { return info_.image_height; }

  int orientation() const {
    for (auto* marker = info_.marker_list; marker; marker = marker->next) {
      const Bytes data(marker->data, marker->data_length);
      if (data.size() < kExifPrefix.size()) continue;
      if (!std::equal(kExifPrefix.begin(), kExifPrefix.end(), data.begin())) continue;
      return exif_orientation(data.subspan(kExifPrefix.size()));
    }
    return 1;
  }

  void read_pixels(Image& image) {
    const bool cmyk = info_.num_components == kCmykComponents;
    info_.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    std::vector<std::uint8_t> inks(cmyk ? static_cast<std::size_t>(image.width) * 4 : 0);
    std::int64_t y = 0;
    guarded([&] {
      if (!jpeg_start_decompress(&info_)) return;
      for (; y < image.height; ++y) {
        std::uint8_t* line = cmyk ? inks.data() : image.row(y);
        if (jpeg_read_scanlines(&info_, &line, 1) != 1) return;
        if (cmyk) cmyk_to_rgb(inks, image.row(y));
      }
      // Reads on to the end of the image. A garbled marker there is an error, as it is for Pillow;
      // a missing one is not, and this then returns FALSE.
      jpeg_finish_decompress(&info_);
    });
    if (y < image.height) {
      fail(FormatErrc::truncated,
           fmt::format("truncated JPEG: the data ends in row {} of {}", y, image.height), source_);
    }
  }

 private:
  // Runs C code that leaves by longjmp on an error, and turns that into an exception. The step must
  // hold no object with a destructor, since the jump skips it.
  template <typename Step>
  void guarded(Step step) {
    if (setjmp(errors_.escape) == 0) {
      step();
    } else {
      fail(FormatErrc::bad_image, fmt::format("damaged JPEG: {}", errors_.message), source_);
    }
  }

  // Inks are stored inverted (255 is none), as Adobe's programs write them and Pillow takes all
  // CMYK files to be: stored K is the brightness left by black, and each ink takes its share of it.
  static void cmyk_to_rgb(const std::vector<std::uint8_t>& inks, std::uint8_t* rgb) {
    for (std::size_t i = 0; i < inks.size(); i += 4, rgb += Image::kChannels) {
      const int light = inks[i + 3];
      for (std::size_t c = 0; c < 3; ++c) {
        const int product = (255 - inks[i + c]) * light + 128;
        const int absorbed = (product + (product >> 8)) >> 8;  // product / 255, rounded
        rgb[c] = static_cast<std::uint8_t>(std::max(light - absorbed, 0));
      }
    }
  }

  const Source& source_;
  JpegErrors errors_{};
  jpeg_source_mgr input_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
};

}  // namespace

Decoded decode_jpeg(const Source& source) {
  JpegReader reader(source);
  reader.read_header();
  Decoded decoded{make_image(reader.width(), reader.height(), source), reader.orientation()};
  reader.read_pixels(decoded.image);
  return decoded;
}

}  // namespace lamina::vision::detail
