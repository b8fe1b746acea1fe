// Zip archives with stored entries, as .npz and .pth files are. Zip64 where sizes ask for it.
#pragma once

#include "core/atomic_file.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lamina::serialization {

/// Entries are written one after another; the same content gives the same bytes (every entry is
/// dated 1980-01-01, the format's zero).
///
///   ZipWriter zip("a.npz");
///   zip.begin("a.npy", size, 64);
///   zip.write(bytes);                   // any number of times, `size` bytes in all
///   zip.end();
///   zip.commit();
class ZipWriter {
 public:
  /// Sizes, offsets of `zip64_from` and more go into zip64 records; tests lower it.
  explicit ZipWriter(const std::filesystem::path& path, std::int64_t zip64_from = 0xffffffff);

  /// The entry's data will start at a multiple of `alignment`, at most 4096.
  void begin(std::string_view name, std::int64_t size, std::int64_t alignment);
  void write(std::span<const std::byte> bytes);
  /// The entry's CRC-32.
  std::uint32_t end();

  void commit();

 private:
  struct Entry {
    std::string name;
    std::int64_t header_offset = 0;
    std::int64_t size = 0;
    std::uint32_t crc32 = 0;
  };

  std::string local_header(const Entry& entry, std::int64_t alignment) const;
  std::string central_header(const Entry& entry) const;
  std::string end_records(std::int64_t directory_offset, std::int64_t directory_size) const;

  AtomicFile file_;
  std::int64_t zip64_from_;
  std::vector<Entry> entries_;
};

}  // namespace lamina::serialization
