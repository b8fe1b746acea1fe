#include <lamina/vision/decode.h>

#include "core/file_descriptor.h"
#include "vision/decoder.h"
#include "vision/orientation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

namespace lamina::vision {
namespace detail {

void fail(FormatErrc code, const std::string& what, const Source& source) {
  throw FormatError(code, fmt::format("{}: {}", what, source.name));
}

void check_size(std::int64_t width, std::int64_t height, const Source& source) {
  if (width <= 0 || height <= 0) {
    fail(FormatErrc::bad_image, fmt::format("an image of {} x {} pixels", width, height), source);
  }
  if (width > source.max_pixels / height) {
    throw FormatError(FormatErrc::image_too_large,
                      fmt::format("an image of {} x {} pixels, more than the limit of {}: {}",
                                  width, height, source.max_pixels, source.name),
                      "raise DecodeOptions::max_pixels if the file can be trusted");
  }
}

Image make_image(std::int64_t width, std::int64_t height, const Source& source) {
  check_size(width, height, source);
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * Image::kChannels))};
}

}  // namespace detail

namespace {

using detail::Bytes;
using detail::Decoded;
using detail::Source;

struct Format {
  std::string_view name;
  std::string_view magic;
  std::size_t offset;                // of the magic
  Decoded (*decode)(const Source&);  // null for a format that is recognised only to name it
};

using namespace std::string_view_literals;

constexpr std::array kFormats = {
    Format{"JPEG", "\xFF\xD8\xFF"sv, 0, detail::decode_jpeg},
    Format{"PNG", "\x89PNG\r\n\x1A\n"sv, 0, detail::decode_png},
    Format{"GIF", "GIF87a"sv, 0, detail::decode_gif},
    Format{"GIF", "GIF89a"sv, 0, detail::decode_gif},
    Format{"BMP", "BM"sv, 0, detail::decode_bmp},
    Format{"WebP", "WEBP"sv, 8, nullptr},
    Format{"TIFF", "II*\0"sv, 0, nullptr},
    Format{"TIFF", "MM\0*"sv, 0, nullptr},
    Format{"AVIF or HEIC", "ftyp"sv, 4, nullptr},
    Format{"JPEG 2000", "\0\0\0\x0CjP  "sv, 0, nullptr},
    Format{"JPEG XL", "\xFF\x0A"sv, 0, nullptr},
    Format{"PDF", "%PDF"sv, 0, nullptr},
    Format{"SVG", "<svg"sv, 0, nullptr},
};

const Format* find_format(Bytes bytes) {
  for (const Format& format : kFormats) {
    if (bytes.size() < format.offset + format.magic.size()) continue;
    const bool same =
        std::equal(format.magic.begin(), format.magic.end(),
                   bytes.begin() + static_cast<std::ptrdiff_t>(format.offset),
                   [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
    if (same) return &format;
  }
  return nullptr;
}

// "3c 68 74 6d 6c ('<html')": enough to see that the download was an error page.
std::string first_bytes(Bytes bytes) {
  std::string hex, text;
  for (std::uint8_t byte : bytes.first(std::min<std::size_t>(bytes.size(), 8))) {
    hex += fmt::format("{:02x} ", byte);
    text += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
  }
  return fmt::format("{}('{}')", hex, text);
}

// A prefix of a known magic is a file cut short, not some other thing.
bool is_cut_magic(Bytes bytes) {
  return std::any_of(kFormats.begin(), kFormats.end(), [&](const Format& format) {
    return format.decode && bytes.size() < format.magic.size() &&
           std::equal(bytes.begin(), bytes.end(), format.magic.begin(),
                      [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
  });
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_errno("cannot open", path);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) throw_errno("cannot stat", path);
  if (S_ISDIR(status.st_mode)) {
    throw IoError(fmt::format("a directory, not an image file: {}", path.string()));
  }
  // Read rather than mapped: a file that another program cuts short meanwhile is then a truncated
  // image, not a SIGBUS. The size is a first guess only; a pipe has none.
  constexpr std::size_t kBlockBytes = 65536;
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size) + 1);
  std::size_t filled = 0;
  for (;;) {
    if (filled == bytes.size()) bytes.resize(bytes.size() + std::max(kBlockBytes, bytes.size()));
    const ssize_t count = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("cannot read", path);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace

Image decode_image(std::span<const std::byte> bytes, std::string_view name,
                   const DecodeOptions& options) {
  const Source source{{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                      name,
                      options.max_pixels};
  if (bytes.empty()) detail::fail(FormatErrc::truncated, "an empty file, not an image", source);
  const Format* format = find_format(source.bytes);
  if (!format) {
    if (is_cut_magic(source.bytes)) {
      detail::fail(FormatErrc::truncated,
                   fmt::format("truncated image: only {} bytes", bytes.size()), source);
    }
    detail::fail(FormatErrc::bad_image,
                 fmt::format("not an image (the file begins with {})", first_bytes(source.bytes)),
                 source);
  }
  if (!format->decode) {
    throw Unsupported(fmt::format("{} images are not read: {}", format->name, name),
                      "convert it to JPEG or PNG");
  }
  Decoded decoded = format->decode(source);
  if (!options.apply_exif_orientation) return std::move(decoded.image);
  return detail::turn_upright(std::move(decoded.image), decoded.orientation);
}

Image load_image(const std::filesystem::path& path, const DecodeOptions& options) {
  return decode_image(read_file(path), path.string(), options);
}

}  // namespace lamina::vision
