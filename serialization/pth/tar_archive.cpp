#include "serialization/pth/tar_archive.h"

#include "serialization/format_error.h"
#include "serialization/tensor_record.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lamina::serialization {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockBytes = 512;
constexpr std::size_t kMaxMembers = 64;

// Fields of a header: place and length.
struct Field {
  std::size_t offset, size;
};
constexpr Field kName{0, 100}, kSize{124, 12}, kChecksum{148, 8};
constexpr std::size_t kTypeOffset = 156;

std::string_view field(std::string_view header, Field place) {
  return header.substr(place.offset, place.size);
}

std::string_view up_to_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

// Octal digits between spaces or NULs.
std::optional<std::int64_t> octal(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text.substr(begin)) {
    if (c == ' ' || c == '\0') break;
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + (c - '0');  // 11 digits at most
  }
  return value;
}

// The sum of a header's bytes, those of the sum itself taken as spaces.
std::int64_t checksum_of(std::string_view header) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    sum += own ? ' ' : static_cast<unsigned char>(header[i]);
  }
  return sum;
}

}  // namespace

std::map<std::string, std::span<const std::byte>> read_tar(std::span<const std::byte> bytes,
                                                           const fs::path& file) {
  std::map<std::string, std::span<const std::byte>> members;
  for (std::size_t at = 0; at + kBlockBytes <= bytes.size();) {
    const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + at, kBlockBytes);
    const bool is_end = std::ranges::all_of(header, [](char c) { return c == '\0'; });
    if (is_end) return members;
    if (octal(field(header, kChecksum)) != checksum_of(header)) {
      throw_format(FormatErrc::bad_checksum, file, "bad checksum: tar header at {}", at);
    }
    std::string name(up_to_nul(field(header, kName)));
    const auto size = octal(field(header, kSize));
    if (!size) throw_format(FormatErrc::bad_field, file, "bad size: tar member '{}'", name);
    const auto data = checked_range(bytes, static_cast<std::int64_t>(at + kBlockBytes), *size,
                                    fmt::format("tar member '{}'", name), file);
    const char type = header[kTypeOffset];
    if (type == '0' || type == '\0') {
      if (members.contains(name)) {
        throw_format(FormatErrc::duplicate_name, file, "duplicate name: tar member '{}'", name);
      }
      members.emplace(std::move(name), data);
    }
    if (members.size() > kMaxMembers) {
      throw_format(FormatErrc::limit, file, "more than {} tar members", kMaxMembers);
    }
    at += kBlockBytes + (data.size() + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  }
  throw_format(FormatErrc::truncated, file, "truncated: the tar archive has no end");
}

}  // namespace lamina::serialization
