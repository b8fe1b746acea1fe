#include <lamina/vision/encode.h>

#include "core/require.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <span>
#include <string_view>

#include <zlib.h>

namespace lamina::vision {
namespace {

using Bytes = std::vector<std::uint8_t>;

void append_u32(Bytes& out, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void append_chunk(Bytes& out, std::string_view type, std::span<const std::uint8_t> data) {
  append_u32(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = out.size();
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), data.begin(), data.end());
  append_u32(out, static_cast<std::uint32_t>(::crc32_z(0, out.data() + begin, out.size() - begin)));
}

int paeth(int left, int up, int corner) {
  const int guess = left + up - corner;
  const int to_left = std::abs(guess - left), to_up = std::abs(guess - up);
  const int to_corner = std::abs(guess - corner);
  if (to_left <= to_up && to_left <= to_corner) return left;
  return to_up <= to_corner ? up : corner;
}

// What is subtracted from a byte, by the specification's number of the filter.
int predicted(int filter, int left, int up, int corner) {
  switch (filter) {
    case 1: return left;
    case 2: return up;
    case 3: return (left + up) / 2;
    case 4: return paeth(left, up, corner);
    default: return 0;
  }
}

// The row through one filter, its number in front; gives the sum of what is left, taken as signed.
std::int64_t filter_row(int filter, std::span<const std::uint8_t> row, const std::uint8_t* above,
                        Bytes& out) {
  constexpr std::size_t kPixel = Image::kChannels;
  out.assign(1, static_cast<std::uint8_t>(filter));
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const int left = i >= kPixel ? row[i - kPixel] : 0;
    const int up = above != nullptr ? above[i] : 0;
    const int corner = i >= kPixel && above != nullptr ? above[i - kPixel] : 0;
    const auto rest = static_cast<std::uint8_t>(row[i] - predicted(filter, left, up, corner));
    out.push_back(rest);
    sum += std::abs(static_cast<int>(static_cast<std::int8_t>(rest)));
  }
  return sum;
}

// Each row by the filter that leaves the least, as the specification advises.
Bytes filtered(const Image& image) {
  constexpr int kFilters = 5;
  const auto row_bytes = static_cast<std::size_t>(image.width * Image::kChannels);
  Bytes all, best, candidate;
  all.reserve(static_cast<std::size_t>(image.height) * (row_bytes + 1));
  for (std::int64_t y = 0; y < image.height; ++y) {
    const std::span row(image.row(y), row_bytes);
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (int filter = 0; filter < kFilters; ++filter) {
      const std::int64_t sum =
          filter_row(filter, row, y > 0 ? image.row(y - 1) : nullptr, candidate);
      if (sum >= least) continue;
      least = sum;
      std::swap(best, candidate);
    }
    all.insert(all.end(), best.begin(), best.end());
  }
  return all;
}

// As chunks, so that no length reaches what a chunk or a zlib call can hold.
void append_image_data(Bytes& out, const Bytes& rows) {
  constexpr std::size_t kStep = std::size_t{1} << 20;
  z_stream stream{};
  LAMINA_REQUIRE(::deflateInit(&stream, Z_DEFAULT_COMPRESSION) == Z_OK, "[png] zlib has no memory");
  Bytes packed(kStep);
  for (std::size_t begin = 0; begin < rows.size(); begin += kStep) {
    const std::size_t count = std::min(kStep, rows.size() - begin);
    stream.next_in = const_cast<Bytef*>(rows.data() + begin);
    stream.avail_in = static_cast<uInt>(count);
    const int flush = begin + count == rows.size() ? Z_FINISH : Z_NO_FLUSH;
    do {
      stream.next_out = packed.data();
      stream.avail_out = static_cast<uInt>(packed.size());
      (void)::deflate(&stream, flush);
      const std::size_t got = packed.size() - stream.avail_out;
      if (got > 0) append_chunk(out, "IDAT", std::span(packed).first(got));
    } while (stream.avail_out == 0);
  }
  ::deflateEnd(&stream);
}

}  // namespace

std::vector<std::byte> encode_png(const Image& image) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 31;
  LAMINA_REQUIRE(
      image.width > 0 && image.height > 0 && image.width < kLimit && image.height < kLimit,
      "[png] cannot write {} x {} pixels", image.width, image.height);
  Bytes out{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  Bytes header;
  append_u32(header, static_cast<std::uint32_t>(image.width));
  append_u32(header, static_cast<std::uint32_t>(image.height));
  constexpr std::array<std::uint8_t, 5> kRgb8{8, 2, 0, 0, 0};  // bits, colour type, three methods
  header.insert(header.end(), kRgb8.begin(), kRgb8.end());
  append_chunk(out, "IHDR", header);
  append_image_data(out, filtered(image));
  append_chunk(out, "IEND", {});
  const auto* bytes = reinterpret_cast<const std::byte*>(out.data());
  return {bytes, bytes + out.size()};
}

}  // namespace lamina::vision
