// Zip archives as .npz and .pth files are: read in place, every field checked.
//
// Nothing is taken on trust: the central directory, the local headers and the file's size must
// agree, no two entries may share a byte or a name, and what all deflated entries grow to together
// is bounded by the file's size and 64 MiB.
#pragma once

#include "core/mapped_file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lamina::serialization {

/// A file with one for each of kMaxTensors storages and as much again beside them.
inline constexpr std::size_t kMaxZipEntries = 131'072;

struct ZipEntry {
  std::string name;
  bool deflated = false;
  std::uint32_t crc32 = 0;
  std::int64_t header_offset = 0;    ///< of the local header
  std::int64_t data_offset = 0;      ///< of the stored or deflated bytes
  std::int64_t compressed_size = 0;  ///< of those bytes
  std::int64_t size = 0;             ///< of the content
};

/// An entry's bytes, and what keeps them: the mapping, or memory they were inflated to.
struct ZipContent {
  std::span<const std::byte> bytes;
  std::shared_ptr<void> owner;
};

class ZipReader {
 public:
  /// Reads the directory and all local headers. Throws FormatError.
  explicit ZipReader(std::shared_ptr<MappedFile> file);
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  /// In the order of the central directory.
  const std::vector<ZipEntry>& entries() const noexcept { return entries_; }
  /// Nullptr where there is none.
  const ZipEntry* find(std::string_view name) const;

  /// The content: a view of the mapping where stored, inflated to memory where deflated. Throws
  /// FormatError: bad_checksum (CRC-32), size_mismatch, limit (more than `max_bytes`), bad_field
  /// (not a deflate stream).
  ZipContent read(const ZipEntry& entry, std::int64_t max_bytes = kMaxContentBytes) const;
  /// The same without comparing the CRC-32, which reads every byte.
  ZipContent read_unchecked(const ZipEntry& entry, std::int64_t max_bytes = kMaxContentBytes) const;

  const std::filesystem::path& path() const noexcept { return file_->path(); }
  const std::shared_ptr<MappedFile>& file() const noexcept { return file_; }

  static constexpr std::int64_t kMaxContentBytes = std::int64_t{1} << 36;

 private:
  std::span<const std::byte> inflate(const ZipEntry& entry, std::shared_ptr<void>& owner) const;

  std::shared_ptr<MappedFile> file_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, std::size_t> index_;  // on the names in entries_
};

}  // namespace lamina::serialization
