#include "serialization/zip_writer.h"

#include "core/checked_math.h"
#include "serialization/tensor_record.h"
#include "serialization/zip_records.h"

#include <algorithm>
#include <cassert>

#include <zlib.h>

namespace lamina::serialization {
namespace {

constexpr std::uint16_t kVersionZip64 = 45;  // 4.5 of the specification; 2.0 without zip64
constexpr std::uint16_t kVersionPlain = 20;
constexpr std::uint32_t kDate = 0x00210000;  // 1980-01-01 00:00
constexpr std::int64_t kCrcOffset = 14;      // in the local header

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::uint16_t flags_of(std::string_view name) {
  const bool ascii =
      std::ranges::all_of(name, [](char c) { return static_cast<signed char>(c) >= 0; });
  return ascii ? 0 : zip::kUtf8Flag;
}

}  // namespace

ZipWriter::ZipWriter(const std::filesystem::path& path, std::int64_t zip64_from)
    : file_(path), zip64_from_(zip64_from) {}

void ZipWriter::begin(std::string_view name, std::int64_t size, std::int64_t alignment) {
  entries_.push_back({.name = std::string(name), .header_offset = file_.position(), .size = size});
  file_.write(as_bytes(local_header(entries_.back(), alignment)));
}

void ZipWriter::write(std::span<const std::byte> bytes) {
  auto& crc = entries_.back().crc32;
  crc = static_cast<std::uint32_t>(
      crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  file_.write(bytes);
}

std::uint32_t ZipWriter::end() {
  const Entry& entry = entries_.back();
  std::string crc;
  append(crc, entry.crc32);
  file_.write_at(entry.header_offset + kCrcOffset, as_bytes(crc));
  return entry.crc32;
}

void ZipWriter::commit() {
  const std::int64_t directory_offset = file_.position();
  for (const Entry& entry : entries_) file_.write(as_bytes(central_header(entry)));
  file_.write(as_bytes(end_records(directory_offset, file_.position() - directory_offset)));
  file_.commit();
}

std::string ZipWriter::local_header(const Entry& entry, std::int64_t alignment) const {
  const bool zip64 = entry.size >= zip64_from_;
  std::string extra;
  if (zip64) {
    append(extra, zip::kZip64Extra);
    append(extra, std::uint16_t{16});
    append(extra, entry.size);
    append(extra, entry.size);
  }
  const auto unpadded = entry.header_offset + zip::kLocalBytes +
                        static_cast<std::int64_t>(entry.name.size() + extra.size()) + 4;
  const auto padding = round_up(unpadded, alignment) - unpadded;
  append(extra, zip::kPaddingExtra);
  append(extra, static_cast<std::uint16_t>(padding));
  extra.append(static_cast<std::size_t>(padding), '\0');

  std::string header;
  append(header, zip::kLocalSignature);
  append(header, zip64 ? kVersionZip64 : kVersionPlain);
  append(header, flags_of(entry.name));
  append(header, zip::kStored);
  append(header, kDate);
  append(header, std::uint32_t{0});  // the CRC, put in by end()
  append(header, zip64 ? zip::kIn64 : static_cast<std::uint32_t>(entry.size));
  append(header, zip64 ? zip::kIn64 : static_cast<std::uint32_t>(entry.size));
  append(header, static_cast<std::uint16_t>(entry.name.size()));
  append(header, static_cast<std::uint16_t>(extra.size()));
  return header + entry.name + extra;
}

std::string ZipWriter::central_header(const Entry& entry) const {
  const bool large = entry.size >= zip64_from_;
  const bool far = entry.header_offset >= zip64_from_;
  std::string extra;
  if (large || far) {
    append(extra, zip::kZip64Extra);
    append(extra, static_cast<std::uint16_t>((large ? 16 : 0) + (far ? 8 : 0)));
    if (large) append(extra, entry.size);
    if (large) append(extra, entry.size);
    if (far) append(extra, entry.header_offset);
  }
  const std::uint16_t version = large || far ? kVersionZip64 : kVersionPlain;
  std::string header;
  append(header, zip::kCentralSignature);
  append(header, version);
  append(header, version);
  append(header, flags_of(entry.name));
  append(header, zip::kStored);
  append(header, kDate);
  append(header, entry.crc32);
  append(header, large ? zip::kIn64 : static_cast<std::uint32_t>(entry.size));
  append(header, large ? zip::kIn64 : static_cast<std::uint32_t>(entry.size));
  append(header, static_cast<std::uint16_t>(entry.name.size()));
  append(header, static_cast<std::uint16_t>(extra.size()));
  header.append(10, '\0');  // comment's length, disk, attributes
  append(header, far ? zip::kIn64 : static_cast<std::uint32_t>(entry.header_offset));
  return header + entry.name + extra;
}

std::string ZipWriter::end_records(std::int64_t directory_offset,
                                   std::int64_t directory_size) const {
  const auto count = static_cast<std::int64_t>(entries_.size());
  const bool zip64 =
      directory_offset >= zip64_from_ || directory_size >= zip64_from_ || count >= zip::kCountIn64;
  std::string records;
  if (zip64) {
    append(records, zip::kEnd64Signature);
    append(records, std::int64_t{zip::kEnd64Bytes - 12});
    append(records, kVersionZip64);
    append(records, kVersionZip64);
    append(records, std::uint64_t{0});  // this disk, and the directory's
    append(records, count);
    append(records, count);
    append(records, directory_size);
    append(records, directory_offset);
    append(records, zip::kLocator64Signature);
    append(records, std::uint32_t{0});
    append(records, directory_offset + directory_size);
    append(records, std::uint32_t{1});
  }
  append(records, zip::kEndSignature);
  append(records, std::uint32_t{0});  // this disk, and the directory's
  append(records, zip64 ? zip::kCountIn64 : static_cast<std::uint16_t>(count));
  append(records, zip64 ? zip::kCountIn64 : static_cast<std::uint16_t>(count));
  append(records, zip64 ? zip::kIn64 : static_cast<std::uint32_t>(directory_size));
  append(records, zip64 ? zip::kIn64 : static_cast<std::uint32_t>(directory_offset));
  append(records, std::uint16_t{0});  // comment
  return records;
}

}  // namespace lamina::serialization
