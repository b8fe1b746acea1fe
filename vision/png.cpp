// PNG: chunks, the zlib stream in the IDAT chunks, and Adam7. Rows are inflated one at a time, so a
// stream that expands without end costs two rows of memory, not all that it could give.
#include "vision/byte_order.h"
#include "vision/decoder.h"
#include "vision/orientation.h"
#include "vision/png_pixels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <zlib.h>

namespace lamina::vision::detail {
namespace {

constexpr std::size_t kSignatureBytes = 8;
constexpr std::size_t kChunkHeadBytes = 8;  // length, type
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kHeaderBytes = 13;      // of IHDR
constexpr std::int64_t kMaxInflation = 1032;  // deflate: 258 bytes from 2 bits

struct Chunk {
  std::string_view type;
  Bytes data;     // shorter than announced where the file ends first
  bool complete;  // data and checksum lie within the file
  bool intact;    // complete, and the checksum is right
};

class ChunkReader {
 public:
  explicit ChunkReader(Bytes file) : file_(file), at_(kSignatureBytes) {}

  /// Nothing at the end of the file, or where the rest is too short to be a chunk.
  std::optional<Chunk> next(bool verify) {
    if (file_.size() - at_ < kChunkHeadBytes) return std::nullopt;
    const std::size_t length = u32_be(&file_[at_]);
    const Bytes type = file_.subspan(at_ + 4, 4);
    at_ += kChunkHeadBytes;
    const std::size_t left = file_.size() - at_;
    const bool complete = left >= kCrcBytes && length <= left - kCrcBytes;
    Chunk chunk{{reinterpret_cast<const char*>(type.data()), type.size()},
                file_.subspan(at_, std::min(length, left)),
                complete,
                complete};
    if (complete && verify) {
      uLong crc = crc32_z(0, type.data(), type.size());
      // zlib takes a null pointer for "give me the initial value".
      if (length > 0) crc = crc32_z(crc, chunk.data.data(), length);
      chunk.intact = crc == u32_be(&file_[at_ + length]);
    }
    at_ = complete ? at_ + length + kCrcBytes : file_.size();
    return chunk;
  }

 private:
  Bytes file_;
  std::size_t at_;
};

/// What the IDAT chunks inflate to, as one stream of bytes.
class PixelStream {
 public:
  PixelStream(const Source& source, ChunkReader& chunks, const Chunk& first)
      : source_(source), chunks_(chunks) {
    if (inflateInit(&zlib_) != Z_OK) throw std::bad_alloc();
    feed(first);
  }
  ~PixelStream() { inflateEnd(&zlib_); }
  PixelStream(const PixelStream&) = delete;
  PixelStream& operator=(const PixelStream&) = delete;

  void read(std::span<std::uint8_t> out) {
    while (!out.empty()) {
      // zlib counts in 32 bits; a row of a very wide image can be longer.
      const std::size_t part = std::min<std::size_t>(out.size(), 1 << 30);
      read_part(out.first(part));
      out = out.subspan(part);
    }
  }

 private:
  void feed(const Chunk& chunk) {
    // Our own zlib never writes through next_in, whose type has no const without ZLIB_CONST.
    zlib_.next_in = const_cast<Bytef*>(chunk.data.data());
    zlib_.avail_in = static_cast<uInt>(chunk.data.size());
  }

  void read_part(std::span<std::uint8_t> out) {
    zlib_.next_out = out.data();
    zlib_.avail_out = static_cast<uInt>(out.size());
    while (zlib_.avail_out > 0) {
      if (zlib_.avail_in == 0 && !next_chunk()) truncated();
      const int status = inflate(&zlib_, Z_NO_FLUSH);
      if (status == Z_STREAM_END && zlib_.avail_out > 0) truncated();
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        fail(FormatErrc::bad_image,
             fmt::format("damaged PNG: {}", zlib_.msg ? zlib_.msg : "not a zlib stream"), source_);
      }
    }
  }

  // Checksums of pixel data are not looked at, as Pillow does not; zlib's own is, at its end.
  bool next_chunk() {
    while (zlib_.avail_in == 0) {  // a chunk may be empty
      const auto chunk = chunks_.next(false);
      if (!chunk || chunk->type != "IDAT") return false;
      feed(*chunk);
    }
    return true;
  }

  [[noreturn]] void truncated() {
    fail(FormatErrc::truncated, "truncated PNG: the pixel data ends too early", source_);
  }

  const Source& source_;
  ChunkReader& chunks_;
  z_stream zlib_{};
};

PngHeader parse_header(const Chunk& chunk, const Source& source) {
  if (chunk.type != "IHDR" || chunk.data.size() < kHeaderBytes) {
    fail(FormatErrc::bad_image, "damaged PNG: it does not begin with a header", source);
  }
  const Bytes data = chunk.data;
  if (!is_legal(data[8], data[9])) {
    fail(FormatErrc::bad_image,
         fmt::format("damaged PNG: {} bits a sample with color type {}", data[8], data[9]), source);
  }
  if (data[10] != 0 || data[11] != 0) {
    fail(FormatErrc::bad_image, "damaged PNG: unknown compression or filter method", source);
  }
  return {u32_be(&data[0]), u32_be(&data[4]), data[8], static_cast<PngColor>(data[9]),
          data[12] != 0};
}

Palette parse_palette(Bytes data, const Source& source) {
  Palette palette;
  if (data.size() > 3 * palette.colors.size()) {
    fail(FormatErrc::bad_image, fmt::format("damaged PNG: a palette of {} bytes", data.size()),
         source);
  }
  for (std::size_t i = 0; i < data.size() / 3; ++i) {
    std::copy_n(&data[3 * i], 3, palette.colors[i].begin());
  }
  return palette;
}

// One of the reduced images an interlaced PNG is made of; a plain one is a single pass of all.
struct Pass {
  std::int64_t x, y, dx, dy;
};
constexpr std::array<Pass, 1> kPlain = {{{0, 0, 1, 1}}};
constexpr std::array<Pass, 7> kAdam7 = {{{0, 0, 8, 8},
                                         {4, 0, 8, 8},
                                         {0, 4, 4, 8},
                                         {2, 0, 4, 4},
                                         {0, 2, 2, 4},
                                         {1, 0, 2, 2},
                                         {0, 1, 1, 2}}};

void read_pass(const Pass& pass, const PngHeader& header, const Palette& palette,
               PixelStream& stream, Image& image, const Source& source) {
  if (pass.x >= header.width) return;
  const std::int64_t count = (header.width - pass.x + pass.dx - 1) / pass.dx;
  const int pixel_bits = bits_per_pixel(header);
  const auto row_bytes = static_cast<std::size_t>((count * pixel_bits + 7) / 8);
  std::vector<std::uint8_t> row(1 + row_bytes), above(1 + row_bytes);  // filter, then the pixels
  for (std::int64_t y = pass.y; y < header.height; y += pass.dy) {
    stream.read(row);
    if (!unfilter(row[0], std::span(row).subspan(1), std::span(above).subspan(1),
                  static_cast<std::size_t>(std::max(pixel_bits / 8, 1)))) {
      fail(FormatErrc::bad_image,
           fmt::format("damaged PNG: unknown filter {} in row {}", row[0], y), source);
    }
    convert_png_row(header, palette, row.data() + 1, count,
                    image.row(y) + pass.x * Image::kChannels, pass.dx * Image::kChannels);
    std::swap(row, above);
  }
}

}  // namespace

Decoded decode_png(const Source& source) {
  ChunkReader chunks(source.bytes);
  std::optional<PngHeader> header;
  std::optional<Palette> palette;
  Decoded decoded;
  std::optional<Chunk> chunk;
  while ((chunk = chunks.next(true)) && chunk->type != "IDAT") {
    if (!chunk->complete) break;
    if (!chunk->intact) {
      fail(FormatErrc::bad_image,
           fmt::format("damaged PNG: bad checksum of the {:?} chunk", chunk->type), source);
    }
    if (!header) header = parse_header(*chunk, source);
    if (chunk->type == "PLTE") palette = parse_palette(chunk->data, source);
    if (chunk->type == "eXIf") decoded.orientation = exif_orientation(chunk->data);
    if (chunk->type == "IEND") {
      fail(FormatErrc::bad_image, "damaged PNG: it has no pixel data", source);
    }
  }
  if (!chunk || chunk->type != "IDAT") {
    fail(FormatErrc::truncated, "truncated PNG: it ends before its pixels", source);
  }
  if (!header) fail(FormatErrc::bad_image, "damaged PNG: it has no header", source);
  if (header->color == PngColor::palette && !palette) {
    fail(FormatErrc::bad_image, "damaged PNG: it has no palette", source);
  }
  if (header->color == PngColor::grey) palette = Palette::grey(1 << std::min(header->bits, 8));

  check_size(header->width, header->height, source);
  const std::int64_t least_bytes =
      header->width * header->height / 8 * bits_per_pixel(*header) / kMaxInflation;
  if (least_bytes > static_cast<std::int64_t>(source.bytes.size())) {
    fail(FormatErrc::truncated,
         fmt::format("truncated PNG: {} bytes cannot hold {} x {} pixels", source.bytes.size(),
                     header->width, header->height),
         source);
  }
  decoded.image = make_image(header->width, header->height, source);
  PixelStream stream(source, chunks, *chunk);
  const auto passes = header->interlaced ? std::span<const Pass>(kAdam7) : std::span(kPlain);
  for (const Pass& pass : passes) {
    read_pass(pass, *header, palette.value_or(Palette{}), stream, decoded.image, source);
  }
  return decoded;
}

}  // namespace lamina::vision::detail
