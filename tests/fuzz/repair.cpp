#include "tests/fuzz/repair.h"

#include "serialization/checksum.h"
#include "serialization/manifest.h"
#include "serialization/zip_records.h"

#include <cstring>
#include <optional>

#include <zlib.h>

namespace lamina::fuzz {
namespace {

template <typename T>
std::optional<T> get(const Bytes& file, std::size_t at) {
  if (file.size() < sizeof(T) || at > file.size() - sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

template <typename T>
void put(Bytes& file, std::size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof value);
}

// One record of the central directory, at `at`.
void repair_entry(Bytes& file, std::size_t at) {
  const auto method = get<std::uint16_t>(file, at + 10);
  const auto size = get<std::uint32_t>(file, at + 20);
  const auto local = get<std::uint32_t>(file, at + 42);
  if (!method || !size || !local || *method != serialization::zip::kStored) return;
  if (get<std::uint32_t>(file, *local) != serialization::zip::kLocalSignature) return;
  const auto name = get<std::uint16_t>(file, *local + std::size_t{26});
  const auto extra = get<std::uint16_t>(file, *local + std::size_t{28});
  if (!name || !extra) return;
  const std::size_t data = *local + std::size_t{30} + *name + *extra;
  if (data > file.size() || *size > file.size() - data) return;
  const auto crc = static_cast<std::uint32_t>(crc32_z(0, file.data() + data, *size));
  put(file, at + 16, crc);
  put(file, *local + std::size_t{14}, crc);
}

}  // namespace

void repair_container(Bytes& file) {
  constexpr std::size_t kChecksumAt = 24;
  const auto length = get<std::uint64_t>(file, 16);
  constexpr auto kHeader = static_cast<std::size_t>(serialization::kContainerHeaderBytes);
  if (!length || file.size() < kHeader || *length > file.size() - kHeader) return;
  const auto bytes = std::as_bytes(std::span(file));
  serialization::Checksum checksum;
  checksum.update(bytes.first(kChecksumAt));
  checksum.update(bytes.subspan(kHeader, static_cast<std::size_t>(*length)));
  put(file, kChecksumAt, checksum.value());
}

void repair_zip(Bytes& file) {
  for (std::size_t at = 0; at + serialization::zip::kCentralBytes <= file.size(); ++at) {
    if (file[at] != 'P') continue;
    if (get<std::uint32_t>(file, at) == serialization::zip::kCentralSignature) {
      repair_entry(file, at);
    }
  }
}

void repair_png(Bytes& file) {
  constexpr std::size_t kSignatureBytes = 8, kFrameBytes = 12;  // length, type, CRC
  std::size_t at = kSignatureBytes;
  while (const auto big_endian = get<std::uint32_t>(file, at)) {
    const std::size_t length = __builtin_bswap32(*big_endian);
    if (file.size() - at < kFrameBytes || length > file.size() - at - kFrameBytes) return;
    const auto crc = static_cast<std::uint32_t>(crc32_z(0, file.data() + at + 4, length + 4));
    put(file, at + 8 + length, __builtin_bswap32(crc));
    at += kFrameBytes + length;
  }
}

}  // namespace lamina::fuzz
