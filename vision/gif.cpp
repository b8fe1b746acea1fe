// GIF: the first frame on its canvas, which is what Pillow shows of an animation.
#include "vision/byte_order.h"
#include "vision/decoder.h"
#include "vision/palette.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace lamina::vision::detail {
namespace {

constexpr int kMaxCodeBits = 12;
constexpr std::size_t kMaxCodes = 1 << kMaxCodeBits;

[[noreturn]] void truncated(const Source& source) {
  fail(FormatErrc::truncated, "truncated GIF: it ends inside its first frame", source);
}

class ByteReader {
 public:
  explicit ByteReader(const Source& source) : source_(source) {}

  Bytes take(std::size_t count) {
    if (source_.bytes.size() - at_ < count) truncated(source_);
    at_ += count;
    return source_.bytes.subspan(at_ - count, count);
  }
  std::uint8_t byte() { return take(1)[0]; }

  /// One sub-block, empty for the terminator.
  Bytes block() { return take(byte()); }
  void skip_blocks() {
    while (!block().empty()) {
    }
  }

 private:
  const Source& source_;
  std::size_t at_ = 0;
};

/// LZW codes to palette indices, a row at a time.
class LzwDecoder {
 public:
  LzwDecoder(const Source& source, ByteReader& reader, int bits)
      : source_(source), reader_(reader), literal_bits_(bits), clear_(1U << bits) {
    reset();
  }

  void read(std::span<std::uint8_t> out) {
    while (!out.empty()) {
      if (pending_ == 0) decode_code();
      const std::size_t count = std::min(out.size(), pending_);
      // The string of a code is built from its end, so it lies reversed.
      for (std::size_t i = 0; i < count; ++i) out[i] = string_[--pending_];
      out = out.subspan(count);
    }
  }

 private:
  void reset() {
    next_ = clear_ + 2;
    code_bits_ = literal_bits_ + 1;
    previous_.reset();
  }

  unsigned read_code() {
    while (available_bits_ < code_bits_) {
      if (block_.empty()) block_ = reader_.block();
      if (block_.empty()) truncated(source_);
      buffer_ |= static_cast<std::uint32_t>(block_[0]) << available_bits_;
      block_ = block_.subspan(1);
      available_bits_ += 8;
    }
    const unsigned code = buffer_ & ((1U << code_bits_) - 1);
    buffer_ >>= code_bits_;
    available_bits_ -= code_bits_;
    return code;
  }

  void decode_code() {
    const unsigned code = read_code();
    if (code == clear_) return reset();
    if (code == clear_ + 1) truncated(source_);  // end of information, with pixels still to come
    if (code > next_ || (code >= clear_ && !previous_)) damaged();

    unsigned link = code;
    if (code == next_) {  // the string before, and its first index once more
      if (next_ >= kMaxCodes) damaged();
      push(first_index_);
      link = *previous_;
    }
    for (; link >= clear_; link = entries_[link].prefix) push(entries_[link].index);
    first_index_ = static_cast<std::uint8_t>(link);
    push(first_index_);
    if (previous_ && next_ < kMaxCodes) {
      entries_[next_] = {static_cast<std::uint16_t>(*previous_), first_index_};
      if (next_ == (1U << code_bits_) - 1 && code_bits_ < kMaxCodeBits) ++code_bits_;
      ++next_;
    }
    previous_ = code;
  }

  void push(std::uint8_t index) {
    if (pending_ == string_.size()) damaged();
    string_[pending_++] = index;
  }

  [[noreturn]] void damaged() {
    fail(FormatErrc::bad_image, "damaged GIF: a code that was never defined", source_);
  }

  struct Entry {
    std::uint16_t prefix;
    std::uint8_t index;
  };

  const Source& source_;
  ByteReader& reader_;
  const int literal_bits_;
  const unsigned clear_;
  std::array<Entry, kMaxCodes> entries_{};
  std::array<std::uint8_t, kMaxCodes + 1> string_{};  // a string has at most one index a code
  std::size_t pending_ = 0;
  unsigned next_ = 0;  // first code not defined yet
  int code_bits_ = 0;
  std::optional<unsigned> previous_;
  std::uint8_t first_index_ = 0;  // of the previous code's string
  Bytes block_;
  std::uint32_t buffer_ = 0;
  int available_bits_ = 0;
};

struct Frame {
  std::int64_t x, y, width, height;
  bool interlaced;
};

Palette parse_palette(Bytes entries) {
  Palette palette;
  for (std::size_t i = 0; i < entries.size() / 3; ++i) {
    std::copy_n(&entries[3 * i], 3, palette.colors[i].begin());
  }
  // Where the palette says nothing, Pillow drops it, and indices past its end are greys too.
  const Palette ramp = Palette::grey(256);
  const bool grey =
      std::equal(palette.colors.begin(),
                 palette.colors.begin() + static_cast<std::ptrdiff_t>(entries.size() / 3),
                 ramp.colors.begin());
  return grey ? ramp : palette;
}

std::optional<Palette> read_palette(ByteReader& reader, std::uint8_t flags) {
  if ((flags & 0x80) == 0) return std::nullopt;
  return parse_palette(reader.take(std::size_t{3} << ((flags & 7) + 1)));
}

// Skips to the first frame. Gives the index that its graphic control, if any, makes transparent:
// the canvas around the frame has that colour.
std::uint8_t skip_to_frame(const Source& source, ByteReader& reader) {
  constexpr std::uint8_t kFrame = ',', kExtension = '!', kTrailer = ';', kGraphicControl = 0xF9;
  std::uint8_t transparent = 0;
  for (;;) {
    const std::uint8_t kind = reader.byte();
    if (kind == kFrame) return transparent;
    if (kind == kTrailer) fail(FormatErrc::bad_image, "a GIF without an image", source);
    if (kind != kExtension) continue;
    const std::uint8_t label = reader.byte();
    const Bytes block = reader.block();
    if (label == kGraphicControl && block.size() >= 4 && (block[0] & 1) != 0) {
      transparent = block[3];
    }
    if (!block.empty()) reader.skip_blocks();
  }
}

// Rows of an interlaced frame come in four sweeps.
std::vector<std::int64_t> row_order(const Frame& frame) {
  struct Sweep {
    std::int64_t first, step;
  };
  constexpr std::array<Sweep, 4> kInterlaced = {{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  constexpr std::array<Sweep, 1> kPlain = {{{0, 1}}};
  std::vector<std::int64_t> order;
  order.reserve(static_cast<std::size_t>(frame.height));
  for (const Sweep& sweep :
       frame.interlaced ? std::span<const Sweep>(kInterlaced) : std::span<const Sweep>(kPlain)) {
    for (std::int64_t y = sweep.first; y < frame.height; y += sweep.step) order.push_back(y);
  }
  return order;
}

void fill(Image& image, const std::array<std::uint8_t, 3>& color) {
  for (auto pixel = image.pixels.begin(); pixel != image.pixels.end(); pixel += Image::kChannels) {
    std::copy(color.begin(), color.end(), pixel);
  }
}

}  // namespace

Decoded decode_gif(const Source& source) {
  ByteReader reader(source);
  const Bytes screen = reader.take(13);
  const std::optional<Palette> global = read_palette(reader, screen[10]);
  const std::uint8_t background = skip_to_frame(source, reader);
  const Bytes place = reader.take(9);
  const Frame frame{u16_le(&place[0]), u16_le(&place[2]), u16_le(&place[4]), u16_le(&place[6]),
                    (place[8] & 0x40) != 0};
  const std::optional<Palette> local = read_palette(reader, place[8]);
  const Palette palette = local ? *local : global ? *global : Palette::grey(256);
  const int bits = reader.byte();
  if (bits < 1 || bits >= kMaxCodeBits) {
    fail(FormatErrc::bad_image, fmt::format("damaged GIF: literals of {} bits", bits), source);
  }
  check_size(frame.width, frame.height, source);

  // A frame that leaves the canvas enlarges it.
  Decoded decoded{
      make_image(std::max<std::int64_t>(u16_le(&screen[6]), frame.x + frame.width),
                 std::max<std::int64_t>(u16_le(&screen[8]), frame.y + frame.height), source),
      1};
  Image& image = decoded.image;
  if (frame.width != image.width || frame.height != image.height) {
    fill(image, palette.colors[background]);
  }
  LzwDecoder decoder(source, reader, bits);
  std::vector<std::uint8_t> indices(static_cast<std::size_t>(frame.width));
  for (const std::int64_t y : row_order(frame)) {
    decoder.read(indices);
    look_up(indices.data(), 8, frame.width, palette,
            image.row(frame.y + y) + frame.x * Image::kChannels, Image::kChannels);
  }
  return decoded;
}

}  // namespace lamina::vision::detail
