#include "serialization/zip_reader.h"

#include "core/storage.h"
#include "serialization/format_error.h"
#include "serialization/zip_directory.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <zlib.h>

namespace lamina::serialization {
namespace {

// A deflate stream cannot grow by more than this (RFC 1951: 258 bytes from two bits).
constexpr std::int64_t kMaxDeflateRatio = 1032;

// Inflates into exactly `target`; false where the stream is damaged, shorter or longer.
bool inflate_raw(std::span<const std::byte> source, std::span<std::byte> target) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  constexpr std::size_t kMaxStep = std::numeric_limits<uInt>::max() / 2;
  int status = Z_OK;
  // One byte too much to write to tells a stream that goes on from one that ends here.
  Bytef surplus = 0;
  bool overflowed = false;
  while (status == Z_OK && !overflowed) {
    const std::size_t in = std::min(source.size(), kMaxStep);
    const std::size_t out = std::min(target.size(), kMaxStep);
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(source.data()));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = out > 0 ? reinterpret_cast<Bytef*>(target.data()) : &surplus;
    stream.avail_out = out > 0 ? static_cast<uInt>(out) : 1;
    status = ::inflate(&stream, Z_NO_FLUSH);
    source = source.subspan(in - stream.avail_in);
    if (out > 0) {
      target = target.subspan(out - stream.avail_out);
    } else {
      overflowed = stream.avail_out == 0;
    }
  }
  inflateEnd(&stream);
  return status == Z_STREAM_END && target.empty() && source.empty() && !overflowed;
}

}  // namespace

ZipReader::ZipReader(std::shared_ptr<MappedFile> file)
    : file_(std::move(file)), entries_(parse_zip_directory(file_->bytes(), file_->path())) {
  for (std::size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].name, i);
}

const ZipEntry* ZipReader::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

ZipContent ZipReader::read(const ZipEntry& entry, std::int64_t max_bytes) const {
  ZipContent content = read_unchecked(entry, max_bytes);
  const auto crc =
      crc32_z(0, reinterpret_cast<const Bytef*>(content.bytes.data()), content.bytes.size());
  if (crc != entry.crc32) {
    throw_format(FormatErrc::bad_checksum, path(), "bad checksum: zip entry '{}'", entry.name);
  }
  return content;
}

ZipContent ZipReader::read_unchecked(const ZipEntry& entry, std::int64_t max_bytes) const {
  if (entry.size > max_bytes) {
    throw_format(FormatErrc::limit, path(), "too large: {} bytes, at most {}: zip entry '{}'",
                 entry.size, max_bytes, entry.name);
  }
  ZipContent content;
  content.bytes = file_->bytes().subspan(static_cast<std::size_t>(entry.data_offset),
                                         static_cast<std::size_t>(entry.compressed_size));
  content.owner = file_;
  if (entry.deflated) content.bytes = inflate(entry, content.owner);
  return content;
}

std::span<const std::byte> ZipReader::inflate(const ZipEntry& entry,
                                              std::shared_ptr<void>& owner) const {
  if (entry.size / kMaxDeflateRatio > entry.compressed_size) {
    throw_format(FormatErrc::limit, path(),
                 "too large: {} bytes out of {} deflated ones: zip entry '{}'", entry.size,
                 entry.compressed_size, entry.name);
  }
  const auto storage = Storage::allocate(entry.size);
  const std::span target(static_cast<std::byte*>(storage->data()),
                         static_cast<std::size_t>(entry.size));
  const auto source = file_->bytes().subspan(static_cast<std::size_t>(entry.data_offset),
                                             static_cast<std::size_t>(entry.compressed_size));
  if (!inflate_raw(source, target)) {
    throw_format(FormatErrc::bad_field, path(), "bad deflate stream: zip entry '{}'", entry.name);
  }
  owner = storage;
  return target;
}

}  // namespace lamina::serialization
