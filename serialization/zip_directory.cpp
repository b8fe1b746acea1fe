#include "serialization/zip_directory.h"

#include "serialization/format_error.h"
#include "serialization/tensor_record.h"
#include "serialization/zip_records.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace lamina::serialization {
namespace {

namespace fs = std::filesystem;
using Bytes = std::span<const std::byte>;

// Reads little-endian integers one after another. Requires: they are there.
class Fields {
 public:
  explicit Fields(Bytes bytes, std::size_t offset = 0) : bytes_(bytes), offset_(offset) {}

  std::uint16_t u16() { return read<std::uint16_t>(); }
  std::uint32_t u32() { return read<std::uint32_t>(); }
  std::uint64_t u64() { return read<std::uint64_t>(); }
  void skip(std::size_t count) { offset_ += count; }
  std::size_t left() const { return bytes_.size() - offset_; }
  Bytes take(std::size_t count) {
    const Bytes taken = bytes_.subspan(offset_, count);
    offset_ += count;
    return taken;
  }

 private:
  template <typename T>
  T read() {
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof value);
    offset_ += sizeof value;
    return value;
  }

  Bytes bytes_;
  std::size_t offset_;
};

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class DirectoryParser {
 public:
  DirectoryParser(Bytes bytes, const fs::path& file)
      : bytes_(bytes), size_(static_cast<std::int64_t>(bytes.size())), file_(file) {}

  std::vector<ZipEntry> parse() {
    const std::int64_t end_record = find_end_record();
    const Directory directory = read_directory_place(end_record);
    if (directory.count > kMaxZipEntries) {
      throw_format(FormatErrc::limit, file_, "too many entries: {} in the zip, at most {}",
                   directory.count, kMaxZipEntries);
    }
    Fields fields(
        checked_range(bytes_, directory.offset, directory.size, "central directory", file_));
    directory_offset_ = directory.offset;
    while (fields.left() > 0 && entries_.size() < directory.count) parse_entry(fields);
    if (entries_.size() != directory.count || fields.left() > 0) {
      throw_format(FormatErrc::size_mismatch, file_,
                   "size mismatch: {} entries are announced, the central directory holds {}",
                   directory.count, fields.left() > 0 ? "more" : "fewer");
    }
    check_names();
    check_overlap();
    check_growth();
    return std::move(entries_);
  }

 private:
  struct Directory {
    std::uint64_t count;
    std::int64_t offset, size;
  };

  [[noreturn]] void fail_directory(const char* what) const {
    throw_format(FormatErrc::bad_field, file_, "bad zip: {}", what);
  }

  std::int64_t signed_size(std::uint64_t value) const {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      throw_format(FormatErrc::overflow, file_, "overflow: a size of {} in the zip", value);
    }
    return static_cast<std::int64_t>(value);
  }

  // The record stands at the very end, but for a comment of up to 64 KiB whose length it holds.
  std::int64_t find_end_record() const {
    const std::int64_t first = std::max<std::int64_t>(0, size_ - zip::kEndBytes - 0xffff);
    for (std::int64_t at = size_ - zip::kEndBytes; at >= first; --at) {
      Fields fields(bytes_, static_cast<std::size_t>(at));
      if (fields.u32() != zip::kEndSignature) continue;
      fields.skip(16);
      if (at + zip::kEndBytes + fields.u16() == size_) return at;
    }
    throw FormatError(FormatErrc::truncated,
                      fmt::format("truncated: a zip without its end record: {}", file_.string()),
                      "the file may have been cut short");
  }

  Directory read_directory_place(std::int64_t end_record) const {
    Fields fields(bytes_, static_cast<std::size_t>(end_record) + 4);
    const std::uint16_t disk = fields.u16();
    const std::uint16_t directory_disk = fields.u16();
    if ((disk != 0 && disk != zip::kCountIn64) || directory_disk != disk) {
      fail_directory("it is one of several parts");
    }
    fields.skip(2);
    Directory directory{fields.u16(), 0, 0};
    directory.size = fields.u32();
    directory.offset = fields.u32();
    std::int64_t expected_end = end_record;
    if (end_record >= zip::kLocator64Bytes) {
      Fields locator(bytes_, static_cast<std::size_t>(end_record - zip::kLocator64Bytes));
      if (locator.u32() == zip::kLocator64Signature) {
        locator.skip(4);
        expected_end = signed_size(locator.u64());
        directory = read_end64(expected_end);
      }
    }
    if (directory.offset > expected_end || directory.size != expected_end - directory.offset) {
      fail_directory("the central directory does not end where its end record stands");
    }
    return directory;
  }

  Directory read_end64(std::int64_t offset) const {
    Fields fields(checked_range(bytes_, offset, zip::kEnd64Bytes, "zip64 end record", file_));
    if (fields.u32() != zip::kEnd64Signature) fail_directory("the zip64 end record is missing");
    fields.skip(28);
    Directory directory{fields.u64(), 0, 0};
    directory.size = signed_size(fields.u64());
    directory.offset = signed_size(fields.u64());
    return directory;
  }

  // Fields that are 0xffffffff stand, in this order, in the zip64 extra field.
  void read_zip64(Bytes extra, std::span<std::uint64_t* const> values) const {
    Fields fields(extra);
    while (fields.left() >= 4) {
      const std::uint16_t id = fields.u16();
      const std::uint16_t length = fields.u16();
      if (length > fields.left()) return;  // torn padding, as some writers leave it
      Fields field(fields.take(length));
      if (id != zip::kZip64Extra) continue;
      for (std::uint64_t* value : values) {
        if (*value == zip::kIn64 && field.left() >= 8) *value = field.u64();
      }
    }
  }

  void parse_entry(Fields& fields) {
    if (fields.left() < zip::kCentralBytes || fields.u32() != zip::kCentralSignature) {
      fail_directory("an entry of the central directory is damaged");
    }
    fields.skip(4);
    const std::uint16_t flags = fields.u16();
    const std::uint16_t method = fields.u16();
    fields.skip(4);
    ZipEntry entry;
    entry.crc32 = fields.u32();
    std::uint64_t compressed = fields.u32(), size = fields.u32();
    const std::uint16_t name_bytes = fields.u16(), extra_bytes = fields.u16();
    const std::uint16_t comment_bytes = fields.u16();
    fields.skip(8);
    std::uint64_t header = fields.u32();
    if (fields.left() < std::size_t{name_bytes} + extra_bytes + comment_bytes) {
      fail_directory("a name leaves the central directory");
    }
    entry.name = text_of(fields.take(name_bytes));
    read_zip64(fields.take(extra_bytes), std::array{&size, &compressed, &header});
    fields.skip(comment_bytes);

    if ((flags & zip::kEncryptedFlag) != 0) {
      throw_format(FormatErrc::bad_flags, file_, "encrypted: zip entry '{}'", entry.name);
    }
    if (method != zip::kStored && method != zip::kDeflated) {
      throw_format(FormatErrc::bad_field, file_, "unknown compression method {}: zip entry '{}'",
                   method, entry.name);
    }
    entry.deflated = method == zip::kDeflated;
    entry.compressed_size = signed_size(compressed);
    entry.size = signed_size(size);
    entry.header_offset = signed_size(header);
    if (!entry.deflated && entry.size != entry.compressed_size) {
      throw_format(FormatErrc::size_mismatch, file_,
                   "size mismatch: {} bytes stored of {}: zip entry '{}'", entry.compressed_size,
                   entry.size, entry.name);
    }
    read_local_header(entry, flags, method);
    entries_.push_back(std::move(entry));
  }

  void read_local_header(ZipEntry& entry, std::uint16_t flags, std::uint16_t method) const {
    const std::string place = fmt::format("zip entry '{}'", entry.name);
    Fields fields(checked_range(bytes_, entry.header_offset, zip::kLocalBytes, place, file_));
    const auto check = [&](bool agrees, const char* what) {
      if (agrees) return;
      throw_format(FormatErrc::size_mismatch, file_,
                   "bad zip: {} differs between local header and central directory: {}", what,
                   place);
    };
    check(fields.u32() == zip::kLocalSignature, "the place");
    fields.skip(2);
    const std::uint16_t local_flags = fields.u16();
    check(fields.u16() == method, "the method");
    fields.skip(4);
    const std::uint32_t crc32 = fields.u32();
    std::uint64_t compressed = fields.u32(), size = fields.u32();
    const std::uint16_t name_bytes = fields.u16(), extra_bytes = fields.u16();
    const std::int64_t names_offset = entry.header_offset + zip::kLocalBytes;
    Fields names(checked_range(bytes_, names_offset, name_bytes + extra_bytes, place, file_));
    check(text_of(names.take(name_bytes)) == entry.name, "the name");
    read_zip64(names.take(extra_bytes), std::array{&size, &compressed});
    if (((flags | local_flags) & zip::kDescriptorFlag) == 0) {
      check(crc32 == entry.crc32, "the CRC");
      check(compressed == static_cast<std::uint64_t>(entry.compressed_size), "the compressed size");
      check(size == static_cast<std::uint64_t>(entry.size), "the size");
    }
    entry.data_offset = names_offset + name_bytes + extra_bytes;
    checked_range(bytes_.first(static_cast<std::size_t>(directory_offset_)), entry.data_offset,
                  entry.compressed_size, place, file_);
  }

  template <typename Member>
  std::vector<const ZipEntry*> sorted_by(Member member) const {
    std::vector<const ZipEntry*> order;
    order.reserve(entries_.size());
    for (const ZipEntry& entry : entries_) order.push_back(&entry);
    std::ranges::sort(order, {}, member);
    return order;
  }

  void check_names() const {
    const auto order = sorted_by(&ZipEntry::name);
    const auto twice = std::ranges::adjacent_find(order, {}, &ZipEntry::name);
    if (twice != order.end()) {
      throw_format(FormatErrc::duplicate_name, file_, "duplicate name: zip entry '{}'",
                   (*twice)->name);
    }
  }

  void check_overlap() const {
    const auto order = sorted_by(&ZipEntry::header_offset);
    std::int64_t end = 0;
    for (const ZipEntry* entry : order) {
      if (entry->header_offset < end) {
        throw_format(FormatErrc::overlap, file_, "overlap: zip entry '{}' begins inside another",
                     entry->name);
      }
      end = entry->data_offset + entry->compressed_size;
    }
  }

  // All of them together, so that many small bombs are no better than a large one.
  void check_growth() const {
    std::int64_t room = size_ + kRoomBytes;
    for (const ZipEntry& entry : entries_) {
      if (!entry.deflated) continue;
      if (entry.size > room) {
        throw FormatError(
            FormatErrc::limit,
            fmt::format("too large: the deflated entries of {} bytes grow beyond {}: {}", size_,
                        size_ + kRoomBytes, file_.string()),
            "if the file can be trusted, unpack it and pack it again without compression");
      }
      room -= entry.size;
    }
  }

  Bytes bytes_;
  std::int64_t size_;
  const fs::path& file_;
  std::int64_t directory_offset_ = 0;
  std::vector<ZipEntry> entries_;
};

}  // namespace

std::vector<ZipEntry> parse_zip_directory(std::span<const std::byte> bytes, const fs::path& file) {
  return DirectoryParser(bytes, file).parse();
}

}  // namespace lamina::serialization
